export { tfjsBackend, type TfjsBackendOptions } from './backend.ts'
export { DeviceFault, type Tensor, type Tf } from './tf.ts'
export { backendError } from './transfer.ts'
export type { Kernel } from './kernels/define.ts'

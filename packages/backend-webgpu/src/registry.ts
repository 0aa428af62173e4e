import type { Tensor, Tf } from '@durian/backend-tfjs'
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core'

/** A kernel's inputs by name and its other arguments, as tfjs hands them over. */
export interface KernelCall {
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly attrs: Readonly<Record<string, unknown>>
}
/** Composed of other kernels it gives tensors, made by `runWebGPUProgram` their infos. */
export type KernelBody = (call: KernelCall) => Tensor | Tensor[] | TensorInfo | TensorInfo[]

const BACKEND = 'webgpu'

/** Put kernels of ours into tfjs's registry, in place of those of the same name. The registry is global: this holds for the whole process. */
export const replaceKernels = (tf: Tf, kernels: Readonly<Record<string, KernelBody>>): void => {
  const registered = new Set(tf.getKernelsForBackend(BACKEND).map(({ kernelName }) => kernelName))
  for (const [kernelName, body] of Object.entries(kernels)) {
    if (registered.has(kernelName)) tf.unregisterKernel(kernelName, BACKEND)
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      // inside a scope: what a body composes of other kernels is freed but for its result
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => body({ inputs: inputs as never, attrs: attrs as never }) as Tensor | Tensor[]),
    })
  }
}

/** tfjs's own, kept from before the first replacement: a device that is opened again finds ours in the registry. */
const stockKernels = new Map<string, KernelConfig>()

/** tfjs's own kernel of that name, as a body. */
export const stockKernel = (tf: Tf, kernelName: string): KernelBody => {
  const stock = stockKernels.get(kernelName) ?? tf.getKernel(kernelName, BACKEND)
  stockKernels.set(kernelName, stock)
  return ({ inputs, attrs }) => stock.kernelFunc({ inputs: inputs, attrs: attrs as never, backend: tf.backend() })
}

import type { Tf } from '@durian/backend-tfjs'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
/** What tfjs's WebGPU kernels do wrong, mended; the fused kernels of `../kernels` come on top and may replace these again. */
export declare const replaceStock: (tf: Tf, backend: WebGPUBackend) => void
//# sourceMappingURL=replace.d.ts.map

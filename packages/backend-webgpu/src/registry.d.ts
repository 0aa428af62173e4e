import type { Tensor, Tf } from '@durian/backend-tfjs'
import type { TensorInfo } from '@tensorflow/tfjs-core'
/** A kernel's inputs by name and its other arguments, as tfjs hands them over. */
export interface KernelCall {
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly attrs: Readonly<Record<string, unknown>>
}
/** Composed of other kernels it gives tensors, made by `runWebGPUProgram` their infos. */
export type KernelBody = (call: KernelCall) => Tensor | Tensor[] | TensorInfo | TensorInfo[]
/** Put kernels of ours into tfjs's registry, in place of those of the same name. The registry is global: this holds for the whole process. */
export declare const replaceKernels: (tf: Tf, kernels: Readonly<Record<string, KernelBody>>) => void
/** tfjs's own kernel of that name, as a body. */
export declare const stockKernel: (tf: Tf, kernelName: string) => KernelBody
//# sourceMappingURL=registry.d.ts.map

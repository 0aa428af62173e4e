import type { Tf } from '@durian/backend-tfjs'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'

/** What a kernel is chosen by. */
export interface KernelDevice {
  readonly device: GPUDevice
  readonly backend: WebGPUBackend
  /** Computes on the processor: workgroup barriers are slow there, and timings say nothing of a GPU. */
  readonly software: boolean
}

/**
 * The one place that changes tfjs's registry for WebGPU: stock kernels that are wrong or slow, and our own (`Durian…`) with a faster body.
 * Called once, before `tfjsBackend` registers what is composed of stock kernels for the names that are still free.
 */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- fused kernels come here
export const installKernels = (tf: Tf, device: KernelDevice): void => undefined

import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { Halves } from './halves.ts'
import type { Style } from './lanes.ts'
import type { Launcher } from './program.ts'

/** What a kernel works with. */
export interface Gpu {
  readonly launch: Launcher
  readonly style: Style
  /** Storage buffers a program may bind. */
  readonly mostBuffers: number
  readonly backend: WebGPUBackend
  /** Which tensors lie in 16 bits. */
  readonly halves: Halves
  /** 'mixed': operands of products are kept in 16 bits where kernels make them; 'float32': only what was made so before is read so. */
  readonly precision: Precision
}

/** 'float32' throughout, or 'mixed': operands of products in 16 bits, sums in 32. */
export type Precision = 'float32' | 'mixed'

export const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((size, n) => size * n, 1)

/** Threads of a workgroup of a kernel without barriers. */
export const THREADS = 64

export const groupsOf = (threads: number): number => Math.ceil(threads / THREADS)

/** Integers of the host on the device while `use` runs. */
export const withIntegers = <A>(backend: WebGPUBackend, data: Int32Array, use: (x: TensorInfo) => A): A => {
  const info = backend.makeTensorInfo([data.length], 'int32', data)
  try {
    return use(info)
  } finally {
    backend.disposeData(info.dataId)
  }
}

import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { Style } from './lanes.ts'
import type { Launcher } from './program.ts'

/** What a kernel works with. */
export interface Gpu {
  readonly launch: Launcher
  readonly style: Style
  /** Storage buffers a program may bind. */
  readonly mostBuffers: number
  readonly backend: WebGPUBackend
}

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

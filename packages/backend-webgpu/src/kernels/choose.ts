import { tfjsBackend, type Tensor, type Tf } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import { halvesOf } from './halves.ts'
import { installKernels, removeKernels } from './install.ts'
import type { Precision } from './kernel.ts'
import type { Style } from './lanes.ts'
import { mixedBackend } from './mixed.ts'
import { launcher } from './program.ts'

/** Our kernels, written for one kind of device or the other, or tfjs's own alone. */
export type KernelChoice = Style | 'stock'

/** Other kernels on a device that is open: for laws and benchmarks. */
export interface Kernels {
  /** A backend with these kernels. tfjs's registry is global, so only the backend that was asked for last computes with what it names. */
  readonly use: (choice: KernelChoice, precision?: Precision) => Backend<Tensor>
  /** Programs given to the device so far. */
  readonly dispatches: () => number
  /** Bytes of the buffers in use; what was freed counts until the next submission. */
  readonly bytes: () => number
  /** The most of them while `run` runs. */
  readonly peakBytes: (run: () => Promise<unknown>) => Promise<number>
  /**
   * How long each program that `run` gives to the device keeps it busy, by timestamps around it. Each is submitted alone, so `run` as a whole
   * takes longer than it would. Empty where the device offers no `timestamp-query`.
   */
  readonly profile: (run: () => Promise<unknown>) => Promise<ReadonlyArray<ProgramTime>>
}

/** One program on the device. */
export interface ProgramTime {
  /** Of its shader. */
  readonly name: string
  readonly ms: number
}

/** Private in tfjs's types: while the list is there, every program is timed and put into it. */
interface Timed {
  activeTimers: Array<{ readonly name: string; readonly query: Promise<number> }> | null
}

/** tfjs's pool. */
interface Buffers {
  readonly numBytesUsed: number
  acquireBuffer: (...args: ReadonlyArray<unknown>) => GPUBuffer
}

export const kernelsOf = (
  tf: Tf,
  { device, backend }: { readonly device: GPUDevice; readonly backend: WebGPUBackend },
  { name, description }: { readonly name: string; readonly description: string },
): Kernels => {
  let count = 0
  // the one place through which tfjs's programs and ours pass; private in its types
  const recorder = backend as unknown as { recordAndSubmit: (...args: ReadonlyArray<unknown>) => void }
  const record = recorder.recordAndSubmit.bind(backend)
  recorder.recordAndSubmit = (...args) => {
    count++
    record(...args)
  }
  // private in its types
  const buffers = (backend as unknown as { bufferManager: Buffers }).bufferManager
  const acquire = buffers.acquireBuffer.bind(buffers)
  let peak = 0
  buffers.acquireBuffer = (...args) => {
    const buffer = acquire(...args)
    peak = Math.max(peak, buffers.numBytesUsed)
    return buffer
  }
  // one for all choices: it keeps what is compiled
  const halves = halvesOf(backend, { form: device.features.has('shader-f16') ? 'native' : 'packed', name })
  const launch = launcher(backend, device, halves)
  halves.guard(launch)
  const mostBuffers = device.limits.maxStorageBuffersPerShaderStage
  return {
    use: (choice, precision = 'float32') => {
      if (choice === 'stock') {
        if (precision === 'mixed') throw new Error("tfjs's own kernels have no mixed precision")
        removeKernels(tf)
      } else installKernels(tf, { launch, style: choice, backend, mostBuffers, halves, precision })
      if (precision === 'float32') return tfjsBackend(tf, { name, description })
      return mixedBackend(tf, tfjsBackend(tf, { name, description: `${description}, mixed precision` }), halves)
    },
    dispatches: () => count,
    bytes: () => buffers.numBytesUsed,
    peakBytes: async (run) => {
      peak = buffers.numBytesUsed
      await run()
      return peak
    },
    profile: async (run) => {
      if (!device.features.has('timestamp-query')) {
        await run()
        return []
      }
      const timed = backend as unknown as Timed
      const timers: NonNullable<Timed['activeTimers']> = []
      timed.activeTimers = timers
      try {
        await run()
      } finally {
        timed.activeTimers = null
      }
      return Promise.all(timers.map(async ({ name, query }) => ({ name, ms: await query })))
    },
  }
}

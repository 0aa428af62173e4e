import { tfjsBackend, type Tensor, type Tf } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import { installKernels, removeKernels, type KernelDevice } from './install.ts'
import type { Style } from './lanes.ts'

/** Our kernels, written for one kind of device or the other, or tfjs's own alone. */
export type KernelChoice = Style | 'stock'

/** Other kernels on a device that is open: for laws and benchmarks. */
export interface Kernels {
  /** A backend with these kernels. tfjs's registry is global, so only the backend that was asked for last computes with what it names. */
  readonly use: (choice: KernelChoice) => Backend<Tensor>
  /** Programs given to the device so far. */
  readonly dispatches: () => number
}

export const kernelsOf = (
  tf: Tf,
  device: KernelDevice,
  { name, description }: { readonly name: string; readonly description: string },
): Kernels => {
  let count = 0
  // the one place through which tfjs's programs and ours pass; private in its types
  const recorder = device.backend as unknown as { recordAndSubmit: (...args: ReadonlyArray<unknown>) => void }
  const record = recorder.recordAndSubmit.bind(device.backend)
  recorder.recordAndSubmit = (...args) => {
    count++
    record(...args)
  }
  return {
    use: (choice) => {
      if (choice === 'stock') removeKernels(tf)
      else installKernels(tf, device, choice)
      return tfjsBackend(tf, { name, description })
    },
    dispatches: () => count,
  }
}

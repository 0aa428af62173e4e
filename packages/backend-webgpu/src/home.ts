import type { Tf } from '@durian/backend-tfjs'
import type { DeviceChoice } from './device/adapter.ts'
import type { WebGpuBackendClass } from './device/guarded.ts'

/** Where WebGPU comes from: the browser, or Dawn in Node. */
export interface Home {
  /** In words, with its version where it has one. */
  readonly name: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Rejects with NoDevice when there is no WebGPU. */
  readonly gpu: (choice: DeviceChoice) => Promise<GPU>
  /** What makes an adapter available where none answers, in words. */
  readonly adapterMend: string
  /** tfjs with gradients registered, and the class of its WebGPU backend. */
  readonly libraries: () => Promise<Libraries>
}

export interface Libraries {
  readonly tf: Tf
  readonly WebGPUBackend: WebGpuBackendClass
  readonly version: string
}

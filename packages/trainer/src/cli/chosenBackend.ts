import { withNodeBackend, type Opened, type Preference } from '@durian/backend-node'
import { withWebGpuBackend } from '@durian/backend-webgpu'
import type { WithBackend } from '@durian/core'

/** The values of `--backend`. 'auto' is TensorFlow where it is installed, else WASM; WebGPU comes only when asked for. */
export const backendChoices = ['auto', 'tensorflow', 'wasm', 'webgpu'] as const
export type BackendChoice = Preference | 'webgpu'

export interface ChosenBackendOptions {
  readonly prefer: BackendChoice
  /** Told what was taken, before it is used. */
  readonly onOpened?: (opened: Pick<Opened, 'engine' | 'passedOver' | 'backend'>) => void
}

/** Run a program on the backend that was asked for. */
export const withChosenBackend = ({ prefer, onOpened }: ChosenBackendOptions): WithBackend => {
  if (prefer !== 'webgpu') return withNodeBackend({ prefer, ...(onOpened === undefined ? {} : { onOpened }) })
  return withWebGpuBackend({
    onOpened: ({ backend }) => onOpened?.({ backend, engine: 'webgpu', passedOver: [] }),
  })
}

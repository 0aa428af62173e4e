import type { Tensor } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import { openTensorflow } from './tensorflow/open.ts'
import { openWasm } from './wasm/open.ts'

/** One way to run tfjs in Node. */
export interface Engine {
  readonly name: string
  /** The value of `prefer` and of `--backend` that asks for it. */
  readonly kind: 'tensorflow' | 'wasm'
  /** Load it and make it current. Rejects with the reason when it cannot be used here. */
  readonly open: () => Promise<Backend<Tensor>>
  /** The command that makes it available. */
  readonly mend: string
}

/** tfjs's engine and registries are global: a second opening is the first one's backend. */
const once = (open: Engine['open']): Engine['open'] => {
  let opened: ReturnType<Engine['open']> | undefined
  return () => (opened ??= open())
}

/** Best first. */
export const engines: ReadonlyArray<Engine> = [
  {
    name: 'tfjs-node-gpu',
    kind: 'tensorflow',
    open: once(() => openTensorflow('@tensorflow/tfjs-node-gpu')),
    mend: 'npm install @tensorflow/tfjs-node-gpu@4.22.0 (needs CUDA)',
  },
  {
    name: 'tfjs-node',
    kind: 'tensorflow',
    open: once(() => openTensorflow('@tensorflow/tfjs-node')),
    mend: 'npm install @tensorflow/tfjs-node@4.22.0, or set DURIAN_TFJS_NODE to the folder of an installed one',
  },
  { name: 'wasm', kind: 'wasm', open: once(openWasm), mend: 'npm install @tensorflow/tfjs-backend-wasm@4.22.0' },
]

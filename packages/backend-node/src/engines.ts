import type { Profile, Tensor } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import { openTensorflow } from './tensorflow/open.ts'
import { openWasm } from './wasm/open.ts'

/** What an engine computes with, for `durian doctor`. */
export interface EngineFacts {
  /** Versions by name. */
  readonly libraries: Readonly<Record<string, string>>
  readonly device: string
  readonly threads: number
  /** Bytes that tensors may take together; null: what the machine has. */
  readonly memoryLimit: number | null
  /** Where it was loaded from. */
  readonly from: string
}

export interface OpenedEngine {
  readonly backend: Backend<Tensor>
  readonly facts: EngineFacts
  /** Count and time its kernels from now on, in this process for good. */
  readonly profile: () => Profile
}

export interface EngineOptions {
  /** Threads of wasm's own kernels; TensorFlow's come from its environment variables. */
  readonly wasmThreads: number
}

/** One way to run tfjs in Node. */
export interface Engine {
  readonly name: string
  /** The value of `prefer` and of `--backend` that asks for it. */
  readonly kind: 'tensorflow' | 'wasm'
  /** Load it and make it current. Rejects with the reason when it cannot be used here. */
  readonly open: (options: EngineOptions) => Promise<OpenedEngine>
  /** The command that makes it available. */
  readonly mend: string
}

/** tfjs's engine and registries are global: a second opening is the first one's backend. */
const once = (open: Engine['open']): Engine['open'] => {
  let opened: ReturnType<Engine['open']> | undefined
  return (options) => (opened ??= open(options))
}

/** Best first. */
export const engines: ReadonlyArray<Engine> = [
  {
    name: 'tfjs-node-gpu',
    kind: 'tensorflow',
    open: once(() => openTensorflow('@tensorflow/tfjs-node-gpu')),
    mend: 'durian setup tensorflow --cuda (needs an NVIDIA GPU; what it installs is the engine tfjs-node)',
  },
  {
    name: 'tfjs-node',
    kind: 'tensorflow',
    open: once(() => openTensorflow('@tensorflow/tfjs-node')),
    mend: 'durian setup tensorflow',
  },
  {
    name: 'wasm',
    kind: 'wasm',
    open: once(({ wasmThreads }) => openWasm({ threads: wasmThreads })),
    mend: 'npm install @tensorflow/tfjs-backend-wasm@4.22.0',
  },
]

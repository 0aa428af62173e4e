import { backendError, DeviceFault, selfTest, type Tensor } from '@durian/backend-tfjs'
import type { Backend, BackendError, WithBackend } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { engines, type Engine, type EngineOptions, type OpenedEngine } from './engines.ts'

export type Preference = 'auto' | 'tensorflow' | 'wasm'

export interface NodeBackendOptions {
  /** 'auto': the best engine that loads, in the order tfjs-node-gpu, tfjs-node, wasm. */
  readonly prefer: Preference
  /** Threads of TensorFlow. Takes effect before the library is loaded first. */
  readonly threads?: number
  /** Threads of wasm, 1 when left out; results are the same bytes for any number. Takes effect when wasm is opened first. */
  readonly wasmThreads?: number
  /** Told of the engine that was taken, before it is used. */
  readonly onOpened?: (opened: Opened) => void
}

/** An engine that was tried and not taken. */
export interface PassedOver {
  readonly name: string
  readonly reason: string
  readonly mend: string
}

export interface Opened {
  readonly backend: Backend<Tensor>
  /** Which engine it is: 'tfjs-node-gpu', 'tfjs-node' or 'wasm'. */
  readonly engine: string
  /** Better engines, and why they were not taken. */
  readonly passedOver: ReadonlyArray<PassedOver>
  /** Count and time the engine's kernels from now on, in this process for good: for benchmarks. */
  readonly profile: OpenedEngine['profile']
}

/** Open the engine the options ask for. One backend a process: tfjs's engine and registries are global. */
export const openNodeBackend =
  ({ prefer, threads, wasmThreads = 1 }: NodeBackendOptions): TE.TaskEither<BackendError, Opened> =>
  async () => {
    if (threads !== undefined) {
      process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads)
      process.env['TF_NUM_INTEROP_THREADS'] ??= '1'
    }
    const passedOver: PassedOver[] = []
    for (const engine of engines.filter(({ kind }) => prefer === 'auto' || kind === prefer)) {
      const tried = await openEngine(engine, { wasmThreads })()
      if (E.isRight(tried)) {
        const { backend, profile } = tried.right
        return E.right({ backend, engine: engine.name, passedOver, profile })
      }
      passedOver.push({ name: engine.name, reason: tried.left, mend: engine.mend })
    }
    const reasons = passedOver.map(({ name, reason, mend }) => `${name}: ${reason} (mend: ${mend})`).join('; ')
    return E.left({ _tag: 'Unavailable', backend: prefer, reason: reasons })
  }

/** Load an engine and let it prove that it computes; the reason why not is one sentence. */
export const openEngine =
  (engine: Engine, options: EngineOptions = { wasmThreads: 1 }): TE.TaskEither<string, OpenedEngine> =>
  async () => {
    try {
      const opened = await engine.open(options)
      const tested = await selfTest(opened.backend)()
      return E.isRight(tested) ? E.right(opened) : E.left(tested.left.reason)
    } catch (thrown) {
      return E.left(reasonOf(engine, thrown))
    }
  }

/** First line only: what require prints below it is a list of folders. */
const reasonOf = ({ name }: Pick<Engine, 'name'>, thrown: unknown): string => {
  const code = (thrown as { readonly code?: unknown }).code
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') return `${name} is not installed`
  return (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0]!
}

/**
 * Run `use` on this machine's backend. A device's failure, also one thrown in the middle of synchronous code, becomes a `Left`;
 * any other exception is a defect and passes through.
 */
export const withNodeBackend =
  (options: NodeBackendOptions): WithBackend =>
  (use) =>
  async () => {
    const opened = await openNodeBackend(options)()
    if (E.isLeft(opened)) return opened
    const { backend } = opened.right
    options.onOpened?.(opened.right)
    try {
      return await use(backend)()
    } catch (thrown) {
      if (thrown instanceof DeviceFault) return E.left(backendError(backend.name, thrown))
      throw thrown
    }
  }

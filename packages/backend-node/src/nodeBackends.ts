import { either as E, type taskEither as TE } from 'fp-ts'
import { engines, type Engine, type EngineFacts, type EngineOptions } from './engines.ts'
import { openEngine } from './withNodeBackend.ts'

/** One engine's state on this machine, for `durian doctor`. */
export interface EngineStatus {
  readonly name: string
  readonly available: boolean
  /** What it is when it is available, else why it is not. */
  readonly reason: string
  /** The command that makes it available; empty when it is. */
  readonly mend: string
  /** Only when it is available. */
  readonly facts?: EngineFacts
  /** Milliseconds that loading and the self-test took; only when it is available. */
  readonly startMs?: number
}

const tried = async (engine: Engine, options?: EngineOptions): Promise<EngineStatus> => {
  const start = performance.now()
  const opened = await openEngine(engine, options)()
  return E.isRight(opened)
    ? {
        name: engine.name,
        available: true,
        reason: opened.right.backend.info.description,
        mend: '',
        facts: opened.right.facts,
        startMs: Math.round(performance.now() - start),
      }
    : { name: engine.name, available: false, reason: opened.left, mend: engine.mend }
}

/** Try the engine of that name, with its self-test; it stays tfjs's current backend. An unknown name is not available. */
export const engineStatus = async (name: string, options?: EngineOptions): Promise<EngineStatus> => {
  const engine = engines.find((one) => one.name === name)
  return engine === undefined
    ? { name, available: false, reason: `there is no engine ${name}`, mend: '' }
    : tried(engine, options)
}

/** The engines' names, best first. */
export const engineNames: ReadonlyArray<string> = engines.map(({ name }) => name)

/** The command that makes an engine available. */
export const mendOf = (name: string): string => engines.find((one) => one.name === name)?.mend ?? ''

/**
 * Try every engine, best first, each with its self-test. Afterwards the last one that works is tfjs's current backend,
 * so call this in a process of its own. Never fails: an engine that cannot be used is a line of the answer.
 */
export const nodeBackends = (): TE.TaskEither<never, ReadonlyArray<EngineStatus>> => async () => {
  const statuses: EngineStatus[] = []
  let loaded: string | undefined
  for (const engine of engines) {
    if (engine.kind === 'tensorflow' && loaded !== undefined) {
      // two copies of libtensorflow in one process can crash it
      statuses.push({ name: engine.name, available: false, reason: `not tried beside ${loaded}`, mend: '' })
      continue
    }
    const status = await tried(engine)
    if (status.available && engine.kind === 'tensorflow') loaded = engine.name
    statuses.push(status)
  }
  return E.right(statuses)
}

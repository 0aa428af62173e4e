import { either as E, type taskEither as TE } from 'fp-ts'
import { engines } from './engines.ts'
import { openEngine } from './withNodeBackend.ts'

/** One engine's state on this machine, for `durian doctor`. */
export interface EngineStatus {
  readonly name: string
  readonly available: boolean
  /** What it is when it is available, else why it is not. */
  readonly reason: string
  /** The command that makes it available; empty when it is. */
  readonly mend: string
}

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
    const opened = await openEngine(engine)()
    if (E.isRight(opened) && engine.kind === 'tensorflow') loaded = engine.name
    statuses.push(
      E.isRight(opened)
        ? { name: engine.name, available: true, reason: opened.right.info.description, mend: '' }
        : { name: engine.name, available: false, reason: opened.left, mend: engine.mend },
    )
  }
  return E.right(statuses)
}

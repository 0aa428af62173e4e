import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import type { WorkerReport, WorkerTask } from './entropyWorker.ts'
import type { Look, LookError, PictureEntropy, VisionOptions } from './visionEntropy.ts'

/** Compiled even when this file runs from its source: a process of its own has no test runner to compile for it. */
const program = fileURLToPath(new URL('./entropyWorker.js', import.meta.url)).replace(
  /([/\\])src([/\\]cli[/\\])/,
  '$1dist$2',
)

/** Rows a worker holds: one it works on and one that waits, so that it never waits itself. */
const AHEAD = 2

interface Waiting {
  readonly pictures: ReadonlyArray<Uint8Array>
  readonly settle: (result: E.Either<LookError, PictureEntropy>) => void
}

/**
 * Looks at pictures in several processes. Every row is computed by itself, so its entropy depends neither on their number nor on the order
 * of the answers. The first process starts with the first row that is asked for. TensorFlow uses all cores by itself: beside an engine of that kind
 * no others are started.
 */
export const withVisionPool = <A>(
  options: VisionOptions,
  workers: number,
  use: (look: Look) => TE.TaskEither<TrainError, A>,
): TE.TaskEither<TrainError, A> =>
  attempt(async (take) => {
    const queue: Waiting[] = []
    const children: ChildProcess[] = []
    const pump: Array<() => void> = []
    let failure: TrainError | undefined

    const start = (): Promise<string | undefined> =>
      new Promise((settle) => {
        const child = fork(program, [JSON.stringify(options)], { serialization: 'advanced', execArgv: [] })
        children.push(child)
        const held = new Map<number, Waiting>()
        let next = 0
        const more = (): void => {
          while (held.size < AHEAD && queue.length > 0 && child.connected) {
            const waiting = queue.shift()!
            held.set(next, waiting)
            child.send({ index: next++, pictures: waiting.pictures } satisfies WorkerTask)
          }
        }
        const fail = (error: TrainError): void => {
          failure ??= error
          settle(undefined)
          for (const waiting of [...held.values(), ...queue.splice(0)])
            waiting.settle(E.left({ _tag: 'Failed', error }))
          held.clear()
        }
        child.on('message', (message: WorkerReport) => {
          if (message._tag === 'Stopped') return fail(message.error)
          if (message._tag === 'Ready') {
            pump.push(more)
            settle(message.engine)
          } else {
            held.get(message.index)?.settle(message.result)
            held.delete(message.index)
          }
          more()
        })
        child.on('error', (thrown) => fail(runFailed(`A worker could not be started: ${thrown.message}.`)))
        child.on('exit', (code, signal) => {
          if (code !== 0)
            fail(runFailed(`A worker ended with ${signal ?? `exit code ${code}`}; try fewer --num_workers.`))
        })
      })

    const look: Look = (pictures) => () =>
      new Promise((settle) => {
        if (failure !== undefined) return settle(E.left({ _tag: 'Failed', error: failure }))
        queue.push({ pictures, settle })
        if (children.length === 0) void start().then(startOthers)
        for (const more of pump) more()
      })
    /** The first one tells the engine; the others are worth their start only while rows wait. */
    const startOthers = (engine: string | undefined): void => {
      if (engine === undefined || engine === 'tensorflow') return
      while (children.length < workers && queue.length > 0) void start()
    }

    try {
      return await take(use(look))
    } finally {
      for (const child of children) if (child.connected) child.disconnect()
    }
  })

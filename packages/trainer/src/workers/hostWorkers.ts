import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Matrix } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import type { PixelLimits } from '../processor/pixelLimits.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { chunkSizes, largeBuffers, promptSource, type HostAnswers, type HostTask } from './hostTasks.ts'

/** The host's work between the device's steps, done by several threads; the same bytes as in one. */
export interface HostWorkers {
  /** As `encodePrompt` of every row, those that fail among them. */
  readonly encode: (
    rows: ReadonlyArray<Row>,
  ) => TE.TaskEither<TrainError, ReadonlyArray<E.Either<TrainError, EncodedPrompt>>>
  /** Visual entropy of each matrix of features, nats (paper, eq. 5-9). */
  readonly entropies: (features: ReadonlyArray<Matrix>) => TE.TaskEither<TrainError, ReadonlyArray<number>>
}

/** What a worker needs to know: whose processor it loads, and with what limits. */
export type HostWorkerConfig = PixelLimits & Pick<TrainConfig, 'model_name_or_path' | 'num_workers'>

/** Compiled even when this file runs from its source: a thread has no test runner to compile for it. */
const program = fileURLToPath(new URL('./hostWorker.js', import.meta.url)).replace(
  /([/\\])src([/\\]workers[/\\])/,
  '$1dist$2',
)

interface Waiting {
  readonly task: HostTask
  readonly settle: (answer: E.Either<TrainError, HostAnswers[keyof HostAnswers]>) => void
}

type Run = (task: HostTask) => TE.TaskEither<TrainError, HostAnswers[keyof HostAnswers]>

/** Threads that take the next chunk as soon as they are free. A thread that dies ends all work with its reason. */
const openPool = (config: HostWorkerConfig): { readonly run: Run; readonly close: () => Promise<void> } => {
  const queue: Waiting[] = []
  const held = new Map<Worker, Waiting>()
  const threads: Worker[] = []
  let failure: TrainError | undefined
  let closing = false
  const pump = (): void => {
    for (const thread of threads) {
      if (held.has(thread)) continue
      const next = queue.shift()
      if (next === undefined) return
      held.set(thread, next)
      thread.postMessage(next.task, [...largeBuffers(next.task)])
    }
  }
  const fail = (reason: string): void => {
    if (closing) return
    failure ??= runFailed(
      `A worker of num_workers stopped (${reason}); num_workers=0 does its work in the main process.`,
    )
    for (const waiting of [...held.values(), ...queue.splice(0)]) waiting.settle(E.left(failure))
    held.clear()
  }
  for (let i = 0; i < config.num_workers; i++) {
    const thread = new Worker(program, { workerData: config, execArgv: [] })
    // idle workers must not keep the process alive
    thread.unref()
    thread.on('message', (answer: HostAnswers[keyof HostAnswers]) => {
      const done = held.get(thread)
      held.delete(thread)
      pump()
      done?.settle(E.right(answer))
    })
    thread.on('error', (error) => fail(error.message.split('\n')[0]!))
    thread.on('exit', (code) => fail(`exit code ${code}`))
    threads.push(thread)
  }
  return {
    run: (task) => () =>
      new Promise((settle) => {
        if (failure !== undefined) return settle(E.left(failure))
        queue.push({ task, settle })
        pump()
      }),
    close: async () => {
      closing = true
      await Promise.all(threads.map((thread) => thread.terminate()))
    },
  }
}

const chunked = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

const workersOf = (run: Run): HostWorkers => {
  const each = <K extends keyof HostAnswers>(
    kind: K,
    items: Extract<HostTask, { readonly kind: K }>['items'],
  ): TE.TaskEither<TrainError, HostAnswers[K]> =>
    attempt(async (take) => {
      const chunks = chunked(items as ReadonlyArray<unknown>, chunkSizes[kind])
      const answers = await Promise.all(chunks.map((part) => take(run({ kind, items: part } as unknown as HostTask))))
      return answers.flat() as unknown as HostAnswers[K]
    })
  return {
    encode: (rows) => each('encode', rows.map(promptSource)),
    // copies: a view would drag the features of all prompts along
    entropies: (features) =>
      each(
        'entropy',
        features.map(({ rows, cols, data }) => ({
          rows,
          cols,
          data: data instanceof Float32Array ? data.slice() : Float64Array.from(data),
        })),
      ),
  }
}

/**
 * Run `use` with `config.num_workers` threads for the host's work; with 0, without any (null). Chunks do not depend on the number, every item
 * is computed by itself and answers keep their order, so results are the same bytes for any number. The policy stays in the main thread.
 */
export const withHostWorkers =
  <A>(
    config: HostWorkerConfig,
    use: (workers: HostWorkers | null) => TE.TaskEither<TrainError, A>,
  ): TE.TaskEither<TrainError, A> =>
  async () => {
    if (config.num_workers === 0) return use(null)()
    const pool = openPool(config)
    try {
      return await use(workersOf(pool.run))()
    } finally {
      await pool.close()
    }
  }

/** A prepared run whose processor hands its work to the workers, where there are any. */
export const withWorkers = <P extends { readonly processor: Processor }>(
  prepared: P,
  workers: HostWorkers | null,
): P => (workers === null ? prepared : { ...prepared, processor: { ...prepared.processor, workers } })

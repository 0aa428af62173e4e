import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import type { Scored } from '../reward/rewards.ts'
import type { RewardAnswer, RewardReport, RewardTask, RewardWorkerData } from './rewardTasks.ts'

/** Rewards of many completions by several threads, in the completions' order. */
export interface RewardPool {
  /** Starts the first thread: which rewards want whole batches. Left (BadInput): a file cannot be loaded. */
  readonly open: TE.TaskEither<TrainError, ReadonlyArray<boolean>>
  readonly score: (
    source: number,
    items: ReadonlyArray<Scored>,
  ) => TE.TaskEither<TrainError, ReadonlyArray<RewardAnswer>>
  readonly close: () => Promise<void>
}

/** Compiled even when this file runs from its source: a thread has no test runner to compile for it. */
const program = fileURLToPath(new URL('./rewardWorker.js', import.meta.url)).replace(
  /([/\\])src([/\\]workers[/\\])/,
  '$1dist$2',
)

/** Completions a task; they depend on nothing, so the same completions lie in the same task for any number of threads. */
export const TASK_ITEMS = 64
/** What a thread may take to load its files. */
const LOADING_MS = 60_000
/** Beside the timeout of a function, for the thread's own work. */
const GRACE_MS = 500

interface Job extends RewardTask {
  /** Places of the items among the answers. */
  readonly places: ReadonlyArray<number>
  readonly answers: RewardAnswer[]
  readonly settle: (left: TrainError | null) => void
  open: number
}

interface Thread {
  readonly worker: Worker
  ready: boolean
  job: Job | null
  /** Items of the job without an answer. */
  readonly pending: Set<number>
  timer: NodeJS.Timeout | undefined
}

/**
 * Threads that score completions. An item whose function neither ends nor waits for `timeout` seconds has its thread ended: the item's answer is
 * `stopped`, the others of its task are done again, one by one. Threads start when they are needed and keep no process alive.
 */
export const rewardPool = (data: RewardWorkerData, size: number): RewardPool => {
  const queue: Job[] = []
  const threads: Thread[] = []
  let failure: TrainError | undefined
  let closing = false
  let batched: ReadonlyArray<boolean> | undefined
  const opening: Array<(result: E.Either<TrainError, ReadonlyArray<boolean>>) => void> = []

  const fail = (error: TrainError): void => {
    failure ??= error
    for (const settle of opening.splice(0)) settle(E.left(failure))
    for (const job of [...threads.flatMap((thread) => thread.job ?? []), ...queue.splice(0)]) job.settle(failure)
    for (const thread of threads.splice(0)) end(thread)
  }

  const end = (thread: Thread): void => {
    clearTimeout(thread.timer)
    thread.job = null
    void thread.worker.terminate()
  }

  /** The thread has hung: alone with an item, that one is to blame; else each unfinished item is tried by itself. */
  const kill = (thread: Thread): void => {
    const { job, pending } = thread
    threads.splice(threads.indexOf(thread), 1)
    end(thread)
    if (job === null)
      return fail(
        badInput(`reward_funcs: the files took longer than ${LOADING_MS / 1000} s to load; make that faster.`),
      )
    if (pending.size === 1 || batched?.[job.source] === true) {
      for (const index of pending) job.answers[job.places[index]!] = 'stopped'
      finish(job, pending.size)
    } else
      for (const index of [...pending].reverse())
        queue.unshift({ ...job, items: [job.items[index]!], places: [job.places[index]!], open: 1, settle: (left) => (left === null ? finish(job, 1) : job.settle(left)) }) // prettier-ignore
    pump()
  }

  const finish = (job: Job, count: number): void => {
    job.open -= count
    if (job.open === 0) job.settle(null)
  }

  const watch = (thread: Thread): void => {
    clearTimeout(thread.timer)
    thread.timer = setTimeout(() => kill(thread), thread.ready ? 1000 * data.timeout + GRACE_MS : LOADING_MS)
    if (!thread.ready) thread.timer.unref()
  }

  const assign = (thread: Thread, job: Job): void => {
    thread.job = job
    job.items.forEach((_, index) => thread.pending.add(index))
    thread.worker.ref()
    watch(thread)
    thread.worker.postMessage({ source: job.source, items: job.items } satisfies RewardTask)
  }

  const release = (thread: Thread): void => {
    clearTimeout(thread.timer)
    thread.job = null
    thread.worker.unref()
    pump()
  }

  const answered = (thread: Thread, index: number, answer: RewardAnswer): void => {
    const { job, pending } = thread
    if (job === null || !pending.delete(index)) return
    job.answers[job.places[index]!] = answer
    watch(thread)
    finish(job, 1)
    if (pending.size === 0) release(thread)
  }

  const onReport = (thread: Thread, message: RewardReport): void => {
    switch (message.kind) {
      case 'ready':
        thread.ready = true
        batched = message.batched
        for (const settle of opening.splice(0)) settle(E.right(batched))
        return release(thread)
      case 'broken':
        return fail(badInput(message.message))
      case 'done':
        return answered(thread, message.index, message.answer)
      case 'all':
        return message.answers.forEach((answer, index) => answered(thread, index, answer))
      case 'failed':
        return fail(runFailed(message.message))
    }
  }

  const start = (): void => {
    const worker = new Worker(program, { workerData: data, execArgv: [] })
    const thread: Thread = { worker, ready: false, job: null, pending: new Set(), timer: undefined }
    threads.push(thread)
    watch(thread)
    const stop = (why: string): void => {
      if (closing || !threads.includes(thread)) return
      fail(
        runFailed(`A thread that computes rewards stopped (${why}); look for what in reward_funcs ends its process.`),
      )
    }
    worker.on('message', (message: RewardReport) => onReport(thread, message))
    worker.on('error', (error) => stop(error.message.split('\n')[0]!))
    worker.on('exit', (code) => stop(`exit code ${code}`))
  }

  const pump = (): void => {
    if (failure !== undefined || closing) return
    for (const thread of threads) {
      if (!thread.ready || thread.job !== null) continue
      const job = queue.shift()
      if (job === undefined) return
      assign(thread, job)
    }
    while (threads.length < size && threads.filter(({ ready }) => !ready).length < queue.length) start()
  }

  const run =
    (source: number, items: ReadonlyArray<Scored>): TE.TaskEither<TrainError, ReadonlyArray<RewardAnswer>> =>
    () =>
      new Promise((settle) => {
        if (failure !== undefined) return settle(E.left(failure))
        const job: Job = {
          source,
          items,
          places: items.map((_, index) => index),
          answers: items.map(() => null),
          open: items.length,
          settle: (left) => settle(left === null ? E.right(job.answers) : E.left(left)),
        }
        queue.push(job)
        pump()
      })

  const open: RewardPool['open'] = () =>
    new Promise((settle) => {
      if (failure !== undefined) return settle(E.left(failure))
      if (batched !== undefined) return settle(E.right(batched))
      opening.push(settle)
      if (threads.length === 0) start()
    })

  return {
    open,
    score: (source, items) =>
      attempt(async (take) => {
        if (items.length === 0) return []
        const whole = (await take(open))[source] === true
        const step = whole ? items.length : TASK_ITEMS
        const parts = Array.from({ length: Math.ceil(items.length / step) }, (_, i) =>
          items.slice(i * step, (i + 1) * step),
        )
        return (await Promise.all(parts.map((part) => take(run(source, part))))).flat()
      }),
    close: async () => {
      closing = true
      await Promise.all(
        threads.splice(0).map((thread) => {
          clearTimeout(thread.timer)
          return thread.worker.terminate()
        }),
      )
    },
  }
}

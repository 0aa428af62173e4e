import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { DeviceFault } from '@durian/backend-tfjs'
import type { Simd } from '../simd/instance.ts'
import { controlBytes, controlOf, lookFor, publish, word } from './control.ts'
import { always, payGauge } from './gauge.ts'
import { takeChunks } from './takeChunks.ts'
import { taskNumbers, tasks, type TaskName } from './tasks.ts'
import type { WorkerData } from './workerData.ts'

/** Threads that compute chunks beside the main one. */
export interface Pool {
  /** With the main thread. */
  readonly threads: number
  /** What the least size of a chunk is multiplied by: 1, or 0 where everything is divided. */
  readonly scale: number
  /** Compute all chunks of a job, the main thread among those that do, and return when they are done. @throws DeviceFault */
  readonly run: (task: TaskName, values: ReadonlyArray<number>, chunks: number) => void
  readonly close: () => Promise<void>
}

export interface PoolOptions {
  readonly threads: number
  /** 'always': everything as far as it goes, for tests. */
  readonly divide: 'when it pays' | 'always'
  readonly simd: Simd
  readonly module: object
  /** Shared. */
  readonly memory: object
  /** What a thread runs, and how long to wait for a chunk that another thread holds: for tests. */
  readonly program?: string
  readonly patienceMs?: number
}

/** Compiled even when this file runs from its source: a thread has no test runner to compile for it. */
const compiledWorker = fileURLToPath(new URL('./worker.js', import.meta.url)).replace(
  /([/\\])src([/\\]wasm[/\\]threads[/\\])/,
  '$1dist$2',
)

/** Looked for so long before sleep: the others mostly end within microseconds of each other. */
const LOOK_MS = 0.02
/** A chunk takes a millisecond; a thread that has held one so long will not give it back. */
const PATIENCE_MS = 120_000

const sentence = (what: string): string => `a thread of wasm_threads ${what}: wasm_threads 1 computes without`
const fault = (what: string): DeviceFault =>
  new DeviceFault({ _tag: 'DeviceFailed', backend: 'wasm', reason: sentence(what) })

/** Start the threads and wait until each has its kernels. Rejects when one cannot start. */
export const openPool = async (options: PoolOptions): Promise<Pool> => {
  const { threads, divide, simd, module, memory, program = compiledWorker, patienceMs = PATIENCE_MS } = options
  const block = new SharedArrayBuffer(controlBytes)
  const control = controlOf(block)
  const { words, message } = control
  const workers: Worker[] = []
  let broken: DeviceFault | undefined
  let closing = false

  const start = (thread: number): Promise<void> =>
    new Promise((ready, failed) => {
      const workerData: WorkerData = { module, memory, block, thread }
      const worker = new Worker(program, { workerData, execArgv: [] })
      workers.push(worker)
      const stopped = (reason: string): void => {
        if (closing) return
        broken ??= fault(`stopped (${reason.split('\n')[0]})`)
        failed(new Error(broken.error.reason))
      }
      worker.on('error', (error) => stopped(error.message))
      worker.on('exit', (code) => stopped(`exit code ${code}`))
      worker.once('message', () => {
        // threads without work must not keep the process alive
        worker.unref()
        ready()
      })
    })
  const close = async (): Promise<void> => {
    closing = true
    broken ??= fault('was closed')
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  try {
    await Promise.all(Array.from({ length: threads - 1 }, (_, i) => start(i + 1)))
  } catch (thrown) {
    await close()
    throw thrown
  }

  const done = (): number => Atomics.load(words, word.done)
  const waitForOthers = (chunks: number): void => {
    if (lookFor(LOOK_MS, () => done() === chunks)) return
    for (let seen = done(); seen !== chunks; seen = done()) {
      // only the last chunk wakes this thread; one before it is progress, seen when the time is up
      if (Atomics.wait(words, word.done, seen, patienceMs) !== 'timed-out' || done() !== seen) continue
      broken = fault(`has not answered for ${patienceMs / 1000} s`)
      throw broken
    }
  }

  const hands = { simd, thread: 0 }
  const gauge = divide === 'always' ? always : payGauge()
  let number = 0
  return {
    threads,
    scale: divide === 'always' ? 0 : 1,
    run: (task, values, chunks) => {
      if (broken !== undefined) throw broken
      if (!gauge.pays()) {
        for (let chunk = 0; chunk < chunks; chunk++) tasks[taskNumbers[task]]!(hands, values, chunk)
        return
      }
      const began = performance.now()
      number = publish(control, number, [taskNumbers[task], chunks, values.length, ...values])
      Atomics.notify(words, word.signal, chunks - 1)
      const own = takeChunks(control, number, hands)
      const ownMs = performance.now() - began
      // also after a fault: what the others still write to must not be freed before
      waitForOthers(chunks)
      if (own > 0) gauge.note({ chunks, own, ownMs, ms: performance.now() - began })
      const failed = Atomics.load(words, word.failed)
      if (failed > 0) throw fault(`failed (${new TextDecoder().decode(message.slice(0, failed))})`)
    },
    close,
  }
}

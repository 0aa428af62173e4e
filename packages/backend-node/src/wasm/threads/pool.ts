import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { DeviceFault } from '@durian/backend-tfjs'
import type { Simd } from '../simd/instance.ts'
import { controlBytes, controlOf, lookFor, word } from './control.ts'
import { takeChunks } from './takeChunks.ts'
import { taskNumbers, type TaskName } from './tasks.ts'
import type { WorkerData } from './workerData.ts'

/** Threads that compute chunks beside the main one. */
export interface Pool {
  /** With the main thread. */
  readonly threads: number
  /** What the least size of a chunk is multiplied by: 1 as measured, 0 in tests, where everything divides as far as it goes. */
  readonly scale: number
  /** Compute all chunks of a job, the main thread among those that do, and return when they are done. @throws DeviceFault */
  readonly run: (task: TaskName, values: ReadonlyArray<number>, chunks: number) => void
  readonly close: () => Promise<void>
}

/** Compiled even when this file runs from its source: a thread has no test runner to compile for it. */
const program = fileURLToPath(new URL('./worker.js', import.meta.url)).replace(
  /([/\\])src([/\\]wasm[/\\]threads[/\\])/,
  '$1dist$2',
)

/** Looked for so long before sleep: the others mostly end within microseconds of each other. */
const LOOK_MS = 0.1
/** A chunk takes a millisecond; a thread that has held one so long will not give it back. */
const PATIENCE_MS = 120_000

export interface PoolOptions {
  readonly threads: number
  readonly simd: Simd
  readonly module: object
  readonly memory: object
  readonly scale: number
  /** How long to wait for a chunk that another thread holds. */
  readonly patienceMs?: number
}

const fault = (reason: string): DeviceFault =>
  new DeviceFault({ _tag: 'DeviceFailed', backend: 'wasm', reason: `${reason}: --wasm_threads 1 computes without` })

/** Start the threads and wait until each has its kernels. Rejects when one cannot start. */
export const openPool = async (options: PoolOptions): Promise<Pool> => {
  const { threads, scale, simd, module, memory, patienceMs = PATIENCE_MS } = options
  const block = new SharedArrayBuffer(controlBytes)
  const control = controlOf(block)
  const { words, job, message } = control
  const hands = { simd, thread: 0 }
  let broken: DeviceFault | undefined
  let closing = false

  const start = (thread: number): Promise<Worker> =>
    new Promise((ready, failed) => {
      const workerData: WorkerData = { module, memory, block, thread }
      const worker = new Worker(program, { workerData, execArgv: [] })
      const stop = (reason: string): void => {
        if (closing) return
        broken ??= fault(`a thread of wasm_threads stopped (${reason.split('\n')[0]})`)
        failed(broken)
      }
      worker.once('message', () => {
        // threads without work must not keep the process alive
        worker.unref()
        ready(worker)
      })
      worker.on('error', (error) => stop(error.message))
      worker.on('exit', (code) => stop(`exit code ${code}`))
    })
  const workers = await Promise.all(Array.from({ length: threads - 1 }, (_, i) => start(i + 1)))

  let number = 0
  const finished = (chunks: number): boolean => Atomics.load(words, word.done) === chunks
  const waitForOthers = (chunks: number): void => {
    if (lookFor(LOOK_MS, () => finished(chunks))) return
    for (;;) {
      const done = Atomics.load(words, word.done)
      if (done === chunks) return
      // only the last chunk wakes this thread, so one that comes before it is progress that the next round sees
      if (Atomics.wait(words, word.done, done, patienceMs) === 'timed-out' && Atomics.load(words, word.done) === done) {
        broken = fault(`a thread of wasm_threads has not answered for ${patienceMs / 1000} s`)
        throw broken
      }
    }
  }

  return {
    threads,
    scale,
    run: (task, values, chunks) => {
      if (broken !== undefined) throw broken
      number = (number + 1) & 0xffffff
      job.set([taskNumbers[task], chunks, values.length, ...values])
      Atomics.store(words, word.failed, 0)
      Atomics.store(words, word.done, 0)
      Atomics.store(words, word.ticket, number << 8)
      Atomics.add(words, word.signal, 1)
      Atomics.notify(words, word.signal, chunks - 1)
      takeChunks(control, number, hands)
      waitForOthers(chunks)
      const failed = Atomics.load(words, word.failed)
      if (failed === 0) return
      throw fault(`a thread of wasm_threads failed (${new TextDecoder().decode(message.slice(0, failed))})`)
    },
    close: async () => {
      closing = true
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

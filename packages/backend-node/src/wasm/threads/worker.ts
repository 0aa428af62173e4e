import { parentPort, workerData } from 'node:worker_threads'
import { instantiate } from '../simd/instance.ts'
import { controlOf, jobOf, word } from './control.ts'
import { takeChunks } from './takeChunks.ts'
import type { WorkerData } from './workerData.ts'

// One further thread of `pool.ts`: chunks of the job in hand, then sleep until the next. It never comes back to its event loop; the end of the process, or
// `terminate`, ends it.

const { module, memory, block, thread } = workerData as WorkerData
const control = controlOf(block)
const { words } = control
const hands = { simd: instantiate(module, memory), thread }
parentPort!.postMessage('ready')

for (;;) {
  const signal = Atomics.load(words, word.signal)
  takeChunks(control, jobOf(Atomics.load(words, word.ticket)), hands)
  // at once: to look on for 0.3 ms was no faster on idle cores, and on busy ones it took their time from the main thread
  Atomics.wait(words, word.signal, signal)
}

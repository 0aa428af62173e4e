import { claim, type Control, HEAD, word } from './control.ts'
import { type Hands, tasks } from './tasks.ts'

/** Compute chunks of a job until it has none left; how many. What a chunk throws is noted in the block, and the chunk counts as done. */
export const takeChunks = (control: Control, number: number, hands: Hands): number => {
  const { words, job } = control
  const [task, chunks, count] = job as unknown as readonly [number, number, number]
  const values = Array.from(job.subarray(HEAD, HEAD + count))
  for (let taken = 0; ; taken++) {
    const chunk = claim(control, number, chunks)
    if (chunk === undefined) return taken
    try {
      tasks[task]!(hands, values, chunk)
    } catch (thrown) {
      note(control, thrown instanceof Error ? thrown.message : String(thrown))
    }
    if (Atomics.add(words, word.done, 1) + 1 === chunks) Atomics.notify(words, word.done)
  }
}

const note = ({ words, message }: Control, reason: string): void => {
  const bytes = new TextEncoder().encode(reason).subarray(0, message.length)
  message.set(bytes)
  Atomics.store(words, word.failed, bytes.length)
}

/** Words of the block in which threads find their work. */
export const word = {
  /** Counts jobs; idle threads sleep on it. */
  signal: 0,
  /** Job number in the upper 24 bits, its next chunk in the lower 8. While a job is written, the odd number before it. */
  ticket: 1,
  /** Chunks of the job that are computed. */
  done: 2,
  /** Bytes of the message of the first chunk that failed; 0 = none. */
  failed: 3,
} as const

/** A job has at most as many chunks as a ticket can count. */
export const MOST_CHUNKS = 255
const NONE_LEFT = 255
/** Numbers of a job before its task's own: task, chunks, how many follow. */
export const HEAD = 3
/** More than the longest job: 8 arguments and what each moves by, and 4 numbers before them. */
const VALUES = 32
const MESSAGE_BYTES = 512
const [VALUES_AT, MESSAGE_AT] = [64, 64 + 8 * (HEAD + VALUES)]

/** The block through which the main thread and its workers speak: who writes when is what `ticket` decides. */
export interface Control {
  readonly words: Int32Array
  /** `HEAD`, then the task's own numbers. */
  readonly job: Float64Array
  readonly message: Uint8Array
}

export const controlBytes = MESSAGE_AT + MESSAGE_BYTES

export const controlOf = (block: SharedArrayBuffer): Control => ({
  words: new Int32Array(block, 0, 4),
  job: new Float64Array(block, VALUES_AT, HEAD + VALUES),
  message: new Uint8Array(block, MESSAGE_AT, MESSAGE_BYTES),
})

/** Number of the job that a ticket belongs to. */
export const jobOf = (ticket: number): number => ticket >>> 8

/**
 * Put a job in place, `HEAD` first, and say so; its number, from that of the last. The odd number keeps everybody from a job half written: no
 * chunk of it can be claimed, and whoever has read the job before cannot claim with what was read.
 */
export const publish = ({ words, job }: Control, last: number, values: ReadonlyArray<number>): number => {
  const number = (last + 2) & 0xffffff
  Atomics.store(words, word.ticket, ((last + 1) << 8) | NONE_LEFT)
  job.set(values)
  Atomics.store(words, word.failed, 0)
  Atomics.store(words, word.done, 0)
  Atomics.store(words, word.ticket, number << 8)
  Atomics.add(words, word.signal, 1)
  return number
}

/**
 * The next chunk of job `number`, or undefined when it has none left or another job has begun. What was read of a job after its number was seen,
 * and before a chunk of that number was claimed, is whole: a thread that read while the next job was written learns it here.
 */
export const claim = ({ words }: Control, number: number, chunks: number): number | undefined => {
  let ticket = Atomics.load(words, word.ticket)
  while (jobOf(ticket) === number && (ticket & 0xff) < chunks) {
    const seen = Atomics.compareExchange(words, word.ticket, ticket, ticket + 1)
    if (seen === ticket) return ticket & 0xff
    ticket = seen
  }
  return undefined
}

/** Look again and again for so many milliseconds; whether it came. To sleep and be woken takes some 50 microseconds. */
export const lookFor = (ms: number, came: () => boolean): boolean => {
  const end = performance.now() + ms
  do {
    for (let look = 0; look < 32; look++) if (came()) return true
  } while (performance.now() < end)
  return false
}

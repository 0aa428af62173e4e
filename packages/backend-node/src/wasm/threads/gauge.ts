/** What a job that several threads shared took. */
export interface Shared {
  readonly chunks: number
  /** Chunks that the main thread computed, at least 1. */
  readonly own: number
  /** Milliseconds that those took. */
  readonly ownMs: number
  /** Milliseconds until the last chunk of all was there. */
  readonly ms: number
}

export interface Gauge {
  /** Asked before each job: is it to be shared? */
  readonly pays: () => boolean
  readonly note: (job: Shared) => void
}

/** Jobs that are judged together. */
const WINDOW = 16
/** Jobs for the main thread alone, after a window that did not pay; twice as many after each further one. */
const [FIRST_PAUSE, LONGEST_PAUSE] = [64, 1024]
/** What shared jobs may take of the time that the main thread would have taken alone, as its own chunks tell. */
const LIMIT = 0.9

/**
 * Whether to share work, learnt from the work itself: beside busy neighbours the main thread waits for threads that got no processor, and is better
 * off alone. Results do not depend on it.
 */
export const payGauge = (): Gauge => {
  let [judged, spent, alone] = [0, 0, 0]
  let [rest, pause] = [0, FIRST_PAUSE]
  return {
    pays: () => rest === 0 || rest-- === 0,
    note: ({ chunks, own, ownMs, ms }) => {
      judged++
      spent += ms
      alone += (ownMs * chunks) / own
      if (judged < WINDOW) return
      if (spent > LIMIT * alone) {
        rest = pause
        pause = Math.min(2 * pause, LONGEST_PAUSE)
      } else pause = FIRST_PAUSE
      ;[judged, spent, alone] = [0, 0, 0]
    },
  }
}

/** Shares everything: for tests. */
export const always: Gauge = { pays: () => true, note: () => undefined }

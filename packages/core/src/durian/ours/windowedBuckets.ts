import type { Bucketer } from '../bucket.ts'

/** Scores of the last steps, oldest first: plain data, so that a checkpoint can hold it. Ours, not the paper's. */
export interface ScoreWindow {
  /** Steps that are remembered, >= 0. */
  readonly length: number
  readonly steps: ReadonlyArray<ReadonlyArray<number>>
}

/**
 * An empty window.
 *
 * @throws RangeError when `length` is not a whole number >= 0
 */
export const scoreWindow = (length: number): ScoreWindow => {
  if (!Number.isInteger(length) || length < 0)
    throw new RangeError(`window of ${length} steps: give a whole number, 0 or more`)
  return { length, steps: [] }
}

/** The window after a step: its scores (without the nulls) are the newest, and what is older than the window goes. */
export const remembered = (window: ScoreWindow, scores: ReadonlyArray<number | null>): ScoreWindow => ({
  ...window,
  steps: window.length === 0 ? [] : [...window.steps, scores.filter((score) => score !== null)].slice(-window.length),
})

/**
 * Running quantiles: the edges between buckets are those of this batch and the window's steps together, so that they wander less from
 * step to step than those of a small batch alone. The paper takes the batch alone (eq. 10 and 16), which is the window of 0 steps.
 */
export const windowedBuckets =
  (bucketer: Bucketer, { steps }: ScoreWindow): Bucketer =>
  (scores) => {
    const { buckets, edges } = bucketer([...Array.from(scores), ...steps.flat()])
    return { buckets: buckets.slice(0, scores.length), edges: scores.length === 0 ? [] : edges }
  }

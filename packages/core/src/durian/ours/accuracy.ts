import { ShapeError } from '../../ops/shape.ts'
import type { Sample } from '../samples.ts'

/**
 * Share of a prompt's scored rollouts that are right: the plainest difficulty there is. High = easy, as with confidence. Ours, not the
 * paper's: a reviewer asked why the paper did not take it.
 *
 * @param right - [B][G], null where a rollout was not scored
 * @returns [B], in [0, 1]; null for a prompt without a scored rollout
 */
export const accuracies = (right: ReadonlyArray<ReadonlyArray<boolean | null>>): ReadonlyArray<number | null> =>
  right.map((group) => {
    const known = group.filter((one) => one !== null)
    return known.length === 0 ? null : known.filter((one) => one).length / known.length
  })

/**
 * Samples whose reasoning difficulty is their accuracy instead of their confidence. Accuracies take at most G + 1 values, so with more
 * groups than that some buckets stay empty; all prompts of one accuracy share a bucket.
 *
 * @throws ShapeError when the lengths differ
 */
export const withAccuracy = (
  samples: ReadonlyArray<Sample>,
  right: ReadonlyArray<ReadonlyArray<boolean | null>>,
): ReadonlyArray<Sample> => {
  if (samples.length !== right.length)
    throw new ShapeError(`${right.length} groups of verdicts for ${samples.length} samples`)
  const scores = accuracies(right)
  return samples.map((sample, s) => ({ ...sample, confidence: scores[s]! }))
}

import { quantiles } from '../num/quantile.ts'
import type { Vec } from '../num/vec.ts'

/** A batch's samples sorted into difficulty buckets. */
export interface Bucketing {
  /** Bucket of each sample, in the order of the scores. */
  readonly buckets: ReadonlyArray<number>
  /** Interior edges, ascending, in the unit of the scores; none for an empty batch. */
  readonly edges: ReadonlyArray<number>
}

/** Scores of a batch [B] to buckets. */
export type Bucketer = (scores: Vec) => Bucketing

/**
 * Three perceptual buckets between two percentiles of the batch.
 *
 *   S1 = {H <= tau_low}, S2 = between, S3 = {H >= tau_high}                                 (paper, eq. 10)
 *
 * S1 is tested first, so a batch of equal entropies is one bucket, S1.
 *
 * @param quantiles - fractions low <= high in [0, 1]; the paper's are 0.25 and 0.75
 * @returns buckets 0 (S1, low entropy, easy), 1, 2 (S3, high entropy, hard)
 * @throws RangeError for fractions outside [0, 1] or out of order
 */
export const percentileBuckets = ([low, high]: readonly [number, number]): Bucketer => {
  if (!(low >= 0 && low <= high && high <= 1))
    throw new RangeError(`perceptual quantiles ${low}, ${high} are not 0 <= low <= high <= 1`)
  return (scores) => {
    if (scores.length === 0) return { buckets: [], edges: [] }
    const [lowEdge, highEdge] = quantiles(scores, [low, high]) as unknown as [number, number]
    const bucketOf = (score: number): number => (score <= lowEdge ? 0 : score >= highEdge ? 2 : 1)
    return { buckets: Array.from(scores, bucketOf), edges: [lowEdge, highEdge] }
  }
}

/**
 * `count` quantile groups of the batch.
 *
 *   group u holds tau_{u-1} <= L < tau_u,  tau_u the batch's u/b quantile                  (paper, eq. 16)
 *
 * A sample's bucket is the number of interior edges tau_1 … tau_{b-1} at or below its score: the top group includes its upper edge,
 * equal scores share a bucket, a batch of equal scores sits in bucket b-1. With fewer samples than b some buckets stay empty.
 *
 * @param count - b >= 1
 * @returns buckets 0 (least confident, hard) … b-1, and b-1 edges
 * @throws RangeError when count is not a positive integer
 */
export const quantileBuckets = (count: number): Bucketer => {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`number of buckets ${count} is not a positive integer`)
  const fractions = Array.from({ length: count - 1 }, (_, u) => (u + 1) / count)
  return (scores) => {
    if (scores.length === 0) return { buckets: [], edges: [] }
    const edges = Array.from(quantiles(scores, fractions))
    return { buckets: Array.from(scores, (score) => edgesAtOrBelow(edges, score)), edges }
  }
}

const edgesAtOrBelow = (edges: ReadonlyArray<number>, score: number): number => {
  let count = 0
  for (const edge of edges) if (edge <= score) count++
  return count
}

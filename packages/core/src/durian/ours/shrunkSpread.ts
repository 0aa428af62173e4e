import { std } from '../../num/stats.ts'
import { scored } from '../rewards.ts'
import { bucketSpread, type BucketSpread } from '../spread.ts'

/**
 * Std of a bucket, pulled towards the batch's where the bucket is small. Ours, not the paper's: with b = 12 groups of 512 / 12 prompts the
 * bucket's std is safe, with 4 prompts it is a guess, and one bucket of equal groups would have no gradient at all.
 *
 *   s = sqrt((nu s_a^2 + k s_batch^2) / (nu + k)),   nu = rollouts of the bucket - ddof
 *
 * A sample without a bucket keeps its own std.
 *
 * @param strength - k >= 0: as many rollouts as the batch's std is worth; 0 is the paper's std, Infinity the batch's
 * @throws RangeError for a negative strength
 */
export const shrunkSpread = (strength: number): BucketSpread => {
  if (!(strength >= 0)) throw new RangeError(`shrinkage strength ${strength} is not 0 or more`)
  return (ddof) => (bucketOf) => (rewards, centred) => {
    const own = bucketSpread(ddof)(bucketOf)(rewards, centred)
    const whole = std(
      rewards.flatMap((group, s) => (bucketOf[s] === null ? [] : scored(group))),
      { ddof },
    )
    const rollouts = new Map<number | null, number>()
    bucketOf.forEach((bucket, s) => {
      rollouts.set(bucket, (rollouts.get(bucket) ?? 0) + scored(rewards[s]!).length)
    })
    return bucketOf.map((bucket, s) => {
      if (bucket === null) return own[s]!
      const freedom = Math.max(rollouts.get(bucket)! - ddof, 0)
      const share = strength === Infinity ? 1 : freedom + strength === 0 ? 0 : strength / (freedom + strength)
      // Of equal stds the mean is that std, to the last bit.
      return own[s] === whole ? whole : Math.sqrt((1 - share) * own[s]! ** 2 + share * whole ** 2)
    })
  }
}

import { type Ddof, std, weightedStd } from '../num/stats.ts'
import { ShapeError } from '../ops/shape.ts'
import { scoredLengths } from './centre.ts'
import { type Advantages, allScored, type Lengths, type RewardGroups, type Rewards, scored } from './rewards.ts'

/** How a standard deviation is taken and used: A = numerator / (max(sqrt(std_ddof^2 + varianceEpsilon), floor) + epsilon). */
export interface StdOptions {
  /** Added to the std, outside the root; >= 0. EasyR1 and verl 1e-6, TRL 1e-4. */
  readonly epsilon: number
  /** 1 is the sample std of EasyR1, verl and TRL; 0 the population's. */
  readonly ddof: Ddof
  /** Added to the variance, inside the root; default 0. The whitening of EasyR1 and verl has 1e-8 here and no epsilon outside. */
  readonly varianceEpsilon?: number
  /** Least std to divide by, reward units; default 0. verl's vectorised GRPO has 1e-3. */
  readonly floor?: number
}

/**
 * The divisor of each group, [B], before epsilon and floor; exactly 0 where what it is taken over is constant.
 * `centred` are the numerators, for spreads that are taken over those.
 */
export type Spread = (rewards: RewardGroups, centred: Advantages) => ReadonlyArray<number>

/** What a numerator is divided by. */
export const divisor = (spread: number, { epsilon, varianceEpsilon = 0, floor = 0 }: StdOptions): number =>
  Math.max(varianceEpsilon === 0 ? spread : Math.sqrt(spread * spread + varianceEpsilon), floor) + epsilon

/** Sample or population std of each group's rewards, [B]; exactly 0 for a constant group. */
export const groupStds = (rewards: RewardGroups, ddof: Ddof): ReadonlyArray<number> =>
  rewards.map((group) => std(scored(group), { ddof }))

/** Std of the rewards of all groups that share a bucket, for each group, [B]; exactly 0 for a constant bucket. */
export const bucketStds = (
  rewards: RewardGroups,
  bucketOf: ReadonlyArray<number | string>,
  ddof: Ddof,
): ReadonlyArray<number> => {
  if (bucketOf.length !== rewards.length)
    throw new ShapeError(`${bucketOf.length} buckets for ${rewards.length} groups of rewards`)
  const members = new Map<number | string, Array<Rewards>>()
  rewards.forEach((group, s) => {
    const bucket = bucketOf[s]!
    const known = members.get(bucket)
    if (known === undefined) members.set(bucket, [group])
    else known.push(group)
  })
  const spread = new Map(Array.from(members, ([bucket, groups]) => [bucket, std(allScored(groups), { ddof })]))
  return bucketOf.map((bucket) => spread.get(bucket)!)
}

/** Each group's own std (paper, eq. 3). */
export const groupSpread =
  (ddof: Ddof): Spread =>
  (rewards) =>
    groupStds(rewards, ddof)

/** One std for the batch, of its rewards around their mean (TRL's `scale_rewards: batch`). */
export const batchSpread =
  (ddof: Ddof): Spread =>
  (rewards) => {
    const spread = std(allScored(rewards), { ddof })
    return rewards.map(() => spread)
  }

/**
 * One std for the batch, of the numerators: what whitening divides by. With `lengths` each rollout counts once a token.
 *
 * @throws ShapeError when `lengths` do not fit the rewards
 */
export const centredSpread =
  (ddof: Ddof, lengths?: Lengths): Spread =>
  (_, centred) => {
    const values = allScored(centred)
    const spread =
      lengths === undefined ? std(values, { ddof }) : weightedStd(values, scoredLengths(centred, lengths), { ddof })
    return centred.map(() => spread)
  }

/** Makes a spread of a batch's buckets; a group whose bucket is null stands for itself. */
export type BucketSpread = (ddof: Ddof) => (bucketOf: ReadonlyArray<number | null>) => Spread

/** Std of all rewards of a bucket around the bucket's mean (paper, eq. 11-12 and 17-18). */
export const bucketSpread: BucketSpread = (ddof) => (bucketOf) => (rewards) =>
  bucketStds(rewards, ownWhereNull(bucketOf), ddof)

/** A sample without a bucket is a bucket of its own: the shared std is then the group's own std, which is GRPO. */
const ownWhereNull = (buckets: ReadonlyArray<number | null>): ReadonlyArray<number | string> =>
  buckets.map((bucket, s) => bucket ?? `own ${s}`)

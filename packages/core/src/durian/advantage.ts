import { isConstant, mean, std, type Ddof } from '../num/stats.ts'
import { ShapeError } from '../ops/shape.ts'

/** Rewards of one prompt's rollouts, [G]; `null` where a reward could not be computed: that rollout is left out of everything. */
export type Rewards = ReadonlyArray<number | null>

/** Rewards of a batch, [B][G_s]: groups may differ in size. */
export type RewardGroups = ReadonlyArray<Rewards>

/** Advantages of a batch in the shape of its rewards; `null` exactly where the reward is. */
export type Advantages = ReadonlyArray<ReadonlyArray<number | null>>

/** Rewards of a batch to advantages. */
export type AdvantageEstimator = (rewards: RewardGroups) => Advantages

/** How a standard deviation is taken and used: A = (r - mean) / (std_ddof + epsilon). */
export interface StdOptions {
  /** Added to the std, outside the root; >= 0. EasyR1 and verl 1e-6, TRL 1e-4. */
  readonly epsilon: number
  /** 1 is the sample std of EasyR1, verl and TRL; 0 the population's. */
  readonly ddof: Ddof
}

/** The rewards that count. */
export const scored = (rewards: Rewards): ReadonlyArray<number> => rewards.filter((reward) => reward !== null)

/** Advantages of one group: the centred rewards through `scale`; exactly 0 for a constant group and so for a group of one. */
const scaledGroup = (rewards: Rewards, scale: (centred: number) => number): ReadonlyArray<number | null> => {
  const values = scored(rewards)
  if (isConstant(values)) return rewards.map((reward) => (reward === null ? null : 0))
  const centre = mean(values)
  return rewards.map((reward) => (reward === null ? null : scale(reward - centre)))
}

/** Division by a std; a std of 0 belongs to constant groups, which never come here. */
const dividedBy =
  (spread: number, epsilon: number) =>
  (centred: number): number =>
    centred / (spread + epsilon)

/** Sample or population std of each group's rewards, [B]; exactly 0 for a constant group. */
export const groupStds = (rewards: RewardGroups, ddof: Ddof): ReadonlyArray<number> =>
  rewards.map((group) => std(scored(group), { ddof }))

/**
 * GRPO: every prompt by its own spread.
 *
 *   A_grpo[s,i] = (r[s,i] - mean_i r[s,.]) / (std_i r[s,.] + epsilon)                        (paper, eq. 3)
 *
 * @returns [B][G_s]; exactly 0 for a constant group
 * Differs from EasyR1@b44b311 verl/trainer/core_algos.py#L175: statistics in float64, and a constant group is tested for before dividing.
 */
export const perPromptStd =
  ({ epsilon, ddof }: StdOptions): AdvantageEstimator =>
  (rewards) =>
    rewards.map((group) => scaledGroup(group, dividedBy(std(scored(group), { ddof }), epsilon)))

/** Dr. GRPO: centred rewards, no spread. A = r - mean; TRL's `scale_rewards: none`. */
export const centreOnly: AdvantageEstimator = (rewards) =>
  rewards.map((group) => scaledGroup(group, (centred) => centred))

/**
 * RLOO: the baseline is the mean of the other rollouts.
 *
 *   A_i = r_i - mean_{j != i} r_j = (r_i - mean r) G / (G - 1)
 *
 * @returns [B][G_s]; exactly 0 for a constant group and for a group of one
 */
export const leaveOneOut: AdvantageEstimator = (rewards) =>
  rewards.map((group) => {
    const count = scored(group).length
    return scaledGroup(group, (centred) => (centred * count) / (count - 1))
  })

/** Std of the rewards of all groups that share a bucket, for each group, [B]; exactly 0 for a constant bucket. */
export const bucketStds = (
  rewards: RewardGroups,
  bucketOf: ReadonlyArray<number | string>,
  ddof: Ddof,
): ReadonlyArray<number> => {
  if (bucketOf.length !== rewards.length)
    throw new ShapeError(`${bucketOf.length} buckets for ${rewards.length} groups of rewards`)
  const members = new Map<number | string, Array<number>>()
  rewards.forEach((group, s) => {
    const bucket = bucketOf[s]!
    const known = members.get(bucket) ?? []
    for (const reward of group) if (reward !== null) known.push(reward)
    members.set(bucket, known)
  })
  const spread = new Map(Array.from(members, ([bucket, values]) => [bucket, std(values, { ddof })]))
  return bucketOf.map((bucket) => spread.get(bucket)!)
}

/**
 * One std for all prompts of a difficulty bucket: the numerator keeps each prompt's own mean, only the scale is shared.
 *
 *   A[s,i] = (r[s,i] - mean_i r[s,.]) / (std(R_a) + epsilon),  R_a = all rewards of bucket a    (paper, eq. 11-13 and 17-19)
 *
 * The std is taken around the bucket's mean, so it holds the spread between prompts too.
 *
 * @param bucketOf - bucket of each group, [B]
 * @returns [B][G_s]; exactly 0 for a constant group and for every group of a constant bucket
 * @throws ShapeError when the lengths differ
 */
export const sharedStd =
  ({ epsilon, ddof }: StdOptions, bucketOf: ReadonlyArray<number | string>): AdvantageEstimator =>
  (rewards) => {
    const stds = bucketStds(rewards, bucketOf, ddof)
    return rewards.map((group, s) => scaledGroup(group, dividedBy(stds[s]!, epsilon)))
  }

/** One std for the whole batch (TRL's `scale_rewards: batch`): `sharedStd` with a single bucket. */
export const batchStd =
  (options: StdOptions): AdvantageEstimator =>
  (rewards) =>
    sharedStd(
      options,
      rewards.map(() => 0),
    )(rewards)

import { aroundGroupMean, aroundOthersMean } from './centre.ts'
import { composed } from './compose.ts'
import type { AdvantageEstimator } from './rewards.ts'
import { batchSpread, bucketStds, groupSpread, type StdOptions } from './spread.ts'

export { scored, type AdvantageEstimator, type Advantages, type RewardGroups, type Rewards } from './rewards.ts'
export { bucketStds, groupStds, type StdOptions } from './spread.ts'

/**
 * GRPO: every prompt by its own spread.
 *
 *   A_grpo[s,i] = (r[s,i] - mean_i r[s,.]) / (std_i r[s,.] + epsilon)                        (paper, eq. 3)
 *
 * @returns [B][G_s]; exactly 0 for a constant group
 * Differs from EasyR1@b44b311 verl/trainer/core_algos.py#L175: statistics in float64, and a constant group is tested for before dividing.
 */
export const perPromptStd = (options: StdOptions): AdvantageEstimator =>
  composed({ centre: aroundGroupMean, spread: groupSpread(options.ddof) }, options)

/** Dr. GRPO: centred rewards, no spread. A = r - mean; TRL's `scale_rewards: none`. */
export const centreOnly: AdvantageEstimator = aroundGroupMean

/**
 * RLOO: the baseline is the mean of the other rollouts.
 *
 *   A_i = r_i - mean_{j != i} r_j = (r_i - mean r) G / (G - 1)
 *
 * @returns [B][G_s]; exactly 0 for a constant group and for a group of one
 */
export const leaveOneOut: AdvantageEstimator = aroundOthersMean

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
export const sharedStd = (options: StdOptions, bucketOf: ReadonlyArray<number | string>): AdvantageEstimator =>
  composed({ centre: aroundGroupMean, spread: (rewards) => bucketStds(rewards, bucketOf, options.ddof) }, options)

/** One std for the whole batch (TRL's `scale_rewards: batch`): `sharedStd` with a single bucket. */
export const batchStd = (options: StdOptions): AdvantageEstimator =>
  composed({ centre: aroundGroupMean, spread: batchSpread(options.ddof) }, options)

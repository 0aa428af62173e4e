import { ShapeError } from '../ops/shape.ts'
import { perPromptStd } from './advantage.ts'
import type { RewardGroups } from './rewards.ts'
import type { StdOptions } from './spread.ts'

/** Several rewards of the same rollouts, [K][B][G_s]: one entry a reward function; null where a function did not judge a rollout. */
export type RewardParts = ReadonlyArray<RewardGroups>

/** Whether two rewards have the same prompts with the same numbers of rollouts. */
export const sameRollouts = (one: RewardGroups, other: RewardGroups): boolean =>
  one.length === other.length && one.every((group, s) => group.length === other[s]!.length)

/**
 * One reward of several.
 *
 *   r = sum_k w_k r_k, over the parts that judged the rollout
 *
 * As TRL's `sum_then_normalize` (`trl@v1.10.0 trainer/grpo_trainer.py#L2753`).
 *
 * @param weights - [K]
 * @returns null only where every part is null
 * @throws ShapeError when parts and weights, or the parts among themselves, do not fit
 */
export const weightedRewards = (parts: RewardParts, weights: ReadonlyArray<number>): RewardGroups => {
  if (parts.length === 0 || parts.length !== weights.length)
    throw new ShapeError(`${weights.length} weights for ${parts.length} rewards of a rollout`)
  parts.forEach((part, k) => {
    if (!sameRollouts(part, parts[0]!)) throw new ShapeError(`reward ${k} and reward 0 have not the same rollouts`)
  })
  return parts[0]!.map((group, s) =>
    group.map((_, i) => {
      let total: number | null = null
      parts.forEach((part, k) => {
        const reward = part[s]![i]!
        if (reward !== null) total = (total ?? 0) + weights[k]! * reward
      })
      return total
    }),
  )
}

/**
 * GDPO's scores: every reward is normalised within its own group first, so that a reward of small spread (a format slip of 0.1) and one
 * of large spread count as their weights say.
 *
 *   z = sum_k w_k (r_k - mean_i r_k) / (std_i r_k + epsilon)
 *
 * TRL's `normalize_then_sum` and ms-swift's `gdpo` then divide by the batch's std of z: the estimator `gdpo` does. verl whitens over tokens.
 * Where a function did not judge a rollout it adds 0; a group that is constant under a function gets exactly 0 from it.
 *
 * @throws ShapeError as `weightedRewards`
 */
export const decoupledScores = (
  parts: RewardParts,
  { weights, ...std }: StdOptions & { readonly weights: ReadonlyArray<number> },
): RewardGroups => weightedRewards(parts.map(perPromptStd(std)), weights)

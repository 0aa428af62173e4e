import { aroundBatchMean, aroundGroupMean, aroundOthersMean, bestAboveSecond, uncentred } from './centre.ts'
import type { Composition } from './compose.ts'
import { ShapeError } from '../ops/shape.ts'
import { decoupledScores, type RewardParts, sameRollouts } from './rewardParts.ts'
import type { Lengths, RewardGroups } from './rewards.ts'
import { batchSpread, centredSpread, groupSpread, type StdOptions } from './spread.ts'

/** Names of the estimators that look at rewards alone, as in configuration files and on the command line. */
export const rewardEstimatorNames = [
  'grpo',
  'dr_grpo',
  'batch',
  'rloo',
  'none',
  'grpo_passk',
  'reinforce_plus_plus',
  'reinforce_plus_plus_baseline',
  'gdpo',
] as const
export type RewardEstimatorName = (typeof rewardEstimatorNames)[number]

/** What some estimators know of a batch besides one reward a rollout. */
export interface BatchContext {
  /** Tokens of each rollout: the REINFORCE++ estimators then take their statistics over tokens, as EasyR1, verl and OpenRLHF do. */
  readonly lengths?: Lengths | undefined
  /** The rewards that `gdpo` normalises one by one; one part, the reward itself, if left out. */
  readonly parts?: RewardParts | undefined
  /** [K], default 1 each. */
  readonly rewardWeights?: ReadonlyArray<number> | undefined
}

/**
 * What each name stands for.
 *
 * | name                           | numerator                  | divided by                  | source                                                          |
 * |--------------------------------|----------------------------|-----------------------------|-----------------------------------------------------------------|
 * | `grpo`                         | r - mean of the group      | std of the group            | paper, eq. 3; `EasyR1@b44b311 verl/trainer/core_algos.py#L175`  |
 * | `dr_grpo`                      | r - mean of the group      | nothing                     | Liu et al. 2025; TRL's `scale_rewards: none`                    |
 * | `batch`                        | r - mean of the group      | std of the batch's rewards  | TRL's `scale_rewards: batch`                                    |
 * | `rloo`                         | r - mean of the others     | nothing                     | Ahmadian et al. 2024; `EasyR1@b44b311`, `compute_rloo_outcome_advantage` |
 * | `none`                         | r                          | nothing                     | REINFORCE without a baseline                                    |
 * | `grpo_passk`                   | best - second best         | std of the group            | `EasyR1@b44b311 core_algos.py#L219-L265`                        |
 * | `reinforce_plus_plus`          | r - mean of the batch      | std of the numerators       | Hu et al. 2025; `EasyR1@b44b311`, `compute_reinforce_plus_plus_…` |
 * | `reinforce_plus_plus_baseline` | r - mean of the group      | std of the numerators       | `verl@v0.8.0 trainer/ppo/core_algos.py#L536`; ms-swift, `batch` |
 * | `gdpo`                         | z - mean of the group      | std of the batch's z        | `trl@v1.10.0 trainer/grpo_trainer.py#L2780-L2790`               |
 *
 * With `lengths` the last mean and std of the REINFORCE++ estimators are taken over tokens. The baseline variant is then centred a second
 * time, as verl does, and a constant group is no longer 0: its rollouts get minus the mean over tokens of the others' numerators.
 */
export const composition = (
  name: RewardEstimatorName,
  options: StdOptions,
  { lengths, parts, rewardWeights }: BatchContext = {},
): Composition => {
  const { ddof } = options
  switch (name) {
    case 'grpo':
      return { centre: aroundGroupMean, spread: groupSpread(ddof) }
    case 'dr_grpo':
      return { centre: aroundGroupMean, spread: null }
    case 'batch':
      return { centre: aroundGroupMean, spread: batchSpread(ddof) }
    case 'rloo':
      return { centre: aroundOthersMean, spread: null }
    case 'none':
      return { centre: uncentred, spread: null }
    case 'grpo_passk':
      return { centre: bestAboveSecond, spread: groupSpread(ddof) }
    case 'reinforce_plus_plus':
      return { centre: aroundBatchMean(lengths), spread: centredSpread(ddof, lengths) }
    case 'reinforce_plus_plus_baseline':
      return {
        centre:
          lengths === undefined ? aroundGroupMean : (rewards) => aroundBatchMean(lengths)(aroundGroupMean(rewards)),
        spread: centredSpread(ddof, lengths),
      }
    case 'gdpo':
      return {
        scores: (rewards) => {
          const rewardParts = parts === undefined ? [rewards] : parts.map((part) => without(part, rewards))
          return decoupledScores(rewardParts, { ...options, weights: rewardWeights ?? rewardParts.map(() => 1) })
        },
        centre: aroundGroupMean,
        spread: batchSpread(ddof),
      }
  }
}

/** A part of the rewards, null wherever the reward is: such a rollout is left out of the part's mean and std too. */
const without = (part: RewardGroups, rewards: RewardGroups): RewardGroups => {
  if (!sameRollouts(part, rewards))
    throw new ShapeError('the parts of the rewards have not the rollouts of the rewards')
  return part.map((group, s) => group.map((reward, i) => (rewards[s]![i] === null ? null : reward)))
}

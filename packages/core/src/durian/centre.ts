import { isConstant, mean, weightedMean } from '../num/stats.ts'
import { ShapeError } from '../ops/shape.ts'
import { type Advantages, allScored, type Lengths, type RewardGroups, type Rewards, scored } from './rewards.ts'

/**
 * The numerator of an advantage: what of a reward counts, in the shape of the rewards, null exactly where the reward is.
 * Every centre with a group's baseline gives exactly 0 for a constant group, and so for a group of one.
 */
export type Centre = (rewards: RewardGroups) => Advantages

/** A group at a time, in a copy of it (a result that grows by `push`, or a closure a group, takes twice as long). */
const perGroup =
  (numerator: (reward: number, mean: number, size: number) => number): Centre =>
  (rewards) =>
    rewards.map((group) => {
      const values = scored(group)
      const constant = isConstant(values)
      const centre = mean(values)
      const out = group.slice()
      for (let i = 0; i < out.length; i++) {
        const reward = out[i]!
        if (reward !== null) out[i] = constant ? 0 : numerator(reward, centre, values.length)
      }
      return out
    })

/** r - mean of the group: GRPO's baseline (paper, eq. 3). */
export const aroundGroupMean: Centre = perGroup((reward, centre) => reward - centre)

/** r - mean of the group's other rollouts = (r - mean) G / (G - 1): RLOO's baseline. */
export const aroundOthersMean: Centre = perGroup((reward, centre, size) => ((reward - centre) * size) / (size - 1))

/** The reward itself. */
export const uncentred: Centre = (rewards) => rewards

/**
 * The best reward over the second best, for the best rollout; 0 for every other, and for a tie at the top.
 *
 *   r_(1) - r_(2)       (pass@k; `EasyR1@b44b311 verl/trainer/core_algos.py#L219-L265`, verl@b178a3c verl/trainer/ppo/core_algos.py#L360)
 */
export const bestAboveSecond: Centre = (rewards) =>
  rewards.map((group) => {
    const [best, second] = scored(group).toSorted((a, b) => b - a)
    const lead = second === undefined ? 0 : best! - second
    return group.map((reward) => (reward === null ? null : reward === best ? lead : 0))
  })

/**
 * r - mean of the whole batch: the baseline of REINFORCE++. With `lengths` each rollout weighs its tokens, because
 * EasyR1, verl and OpenRLHF take the mean over tokens; without, rollouts weigh alike.
 *
 * @returns exactly 0 everywhere for a batch of equal rewards; not 0 for a constant group of a batch that differs
 * @throws ShapeError when `lengths` do not fit the rewards
 */
export const aroundBatchMean =
  (lengths?: Lengths): Centre =>
  (rewards) => {
    const values = allScored(rewards)
    const centre = lengths === undefined ? mean(values) : weightedMean(values, scoredLengths(rewards, lengths))
    const constant = isConstant(values)
    return rewards.map((group) => group.map((reward) => (reward === null ? null : constant ? 0 : reward - centre)))
  }

/** Tokens of the rollouts that have a reward, in the order of the batch. */
export const scoredLengths = (rewards: RewardGroups, lengths: Lengths): ReadonlyArray<number> => {
  if (lengths.length !== rewards.length)
    throw new ShapeError(`${lengths.length} groups of lengths for ${rewards.length} of rewards`)
  return rewards.flatMap((group, s) => scoredOf(group, lengths[s]!, s))
}

const scoredOf = (group: Rewards, lengths: ReadonlyArray<number>, s: number): ReadonlyArray<number> => {
  if (lengths.length !== group.length)
    throw new ShapeError(`group ${s}: ${lengths.length} lengths for ${group.length} rewards`)
  return lengths.filter((_, i) => group[i] !== null)
}

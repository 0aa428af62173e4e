import {
  durianAdvantages,
  type DurianAdvantages,
  type DurianOptions,
  estimator,
  rewardMidpoint,
  type Right,
  rightAbove,
} from '@durian/core'
import type { TrainConfig } from '../config/trainConfig.ts'
import type { Row } from '../data/types.ts'
import type { Completion, EncodedPrompt } from '../policy/types.ts'

/** One prompt with its G rollouts and what was measured on them. */
export interface Group {
  readonly row: Row
  readonly prompt: EncodedPrompt
  readonly completions: ReadonlyArray<Completion>
  /** Decoded completions, end token removed. */
  readonly texts: ReadonlyArray<string>
  /** Weighted sum of the rewards, [G]; null = could not be computed, the rollout is left out. */
  readonly rewards: ReadonlyArray<number | null>
  /** The single rewards by function, [G]. */
  readonly parts: ReadonlyArray<Readonly<Record<string, number | null>>>
  /** H(I), nats; null for a prompt without a picture (paper, eq. 9). */
  readonly visualEntropy: number | null
  /** L(Q), nats (paper, eq. 15). */
  readonly confidence: number
}

export interface GroupAdvantages {
  /** [P][G], what the update uses; null = rollout left out. */
  readonly advantages: ReadonlyArray<ReadonlyArray<number | null>>
  /** Buckets, edges and stds, whatever the estimator: they are logged for every run. */
  readonly durian: DurianAdvantages
}

export const durianOptions = (config: TrainConfig): DurianOptions => ({
  weights: config.durian.weights,
  perceptualQuantiles: config.durian.perceptual_quantiles,
  reasoningGroups: config.durian.reasoning_groups,
  epsilon: config.std_epsilon,
  ddof: config.ddof,
})

/**
 * Advantages of one rollout batch under the configured estimator.
 *
 * Takes the whole accepted batch: quantile edges and bucket stds are the batch's, before any minibatch split (paper, eq. 10-20).
 */
export const groupAdvantages = (config: TrainConfig, groups: ReadonlyArray<Group>): GroupAdvantages => {
  const samples = groups.map(({ rewards, visualEntropy, confidence }) => ({
    rewards,
    entropy: visualEntropy,
    confidence,
  }))
  const options = durianOptions(config)
  const durian = durianAdvantages(samples, options)
  const advantages =
    config.estimator === 'durian' ? durian.advantages : estimator(config.estimator, options)(samples).advantages
  return { advantages, durian }
}

/** Every scored rollout of the group has the same reward: it carries no gradient. */
export const hasSpread = ({ rewards }: Pick<Group, 'rewards'>): boolean => {
  const scored = rewards.filter((reward) => reward !== null)
  return scored.length > 0 && Math.max(...scored) !== Math.min(...scored)
}

/** Which rollouts are right, [P][G]: by the accuracy reward where there is one, else by the middle of the batch's rewards. */
export const rightness = (groups: ReadonlyArray<Pick<Group, 'rewards' | 'parts'>>): ReadonlyArray<Right> => {
  const rewards = groups.map((group) => group.rewards)
  const guessed = rightAbove(rewardMidpoint(rewards))(rewards)
  return groups.map((group, s) =>
    group.rewards.map((reward, i) => {
      const accuracy = group.parts[i]?.['accuracy_reward']
      if (reward === null) return null
      return accuracy === undefined || accuracy === null ? guessed[s]![i]! : accuracy > 0.5
    }),
  )
}

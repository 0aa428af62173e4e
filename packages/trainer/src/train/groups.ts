import {
  durianAdvantages,
  type DurianAdvantages,
  type DurianOptions,
  estimator,
  percentileBuckets,
  quantileBuckets,
  rewardMidpoint,
  type RewardGroups,
  type Right,
  rightAbove,
  type Sample,
  shrunkSpread,
  windowedBuckets,
  withAccuracy,
} from '@durian/core'
import type { TrainConfig } from '../config/trainConfig.ts'
import type { Row } from '../data/types.ts'
import type { Completion, EncodedPrompt } from '../policy/types.ts'
import { noMemory, type StepMemory, windowsOf } from './stepMemory.ts'

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

/** What advantages and updates know of a group: rows of data and texts are the rewards' business. */
export type Rolled = Omit<Group, 'row' | 'texts'>

export interface GroupAdvantages {
  /** [P][G], what the update uses; null = rollout left out. */
  readonly advantages: ReadonlyArray<ReadonlyArray<number | null>>
  /** Buckets, edges and stds, whatever the estimator: they are logged for every run. */
  readonly durian: DurianAdvantages
  /** The same batch under another estimator of core. */
  readonly under: (name: TrainConfig['estimator']) => ReadonlyArray<ReadonlyArray<number | null>>
}

/** The configuration's estimator options; `memory` is what earlier steps left. */
export const durianOptions = (config: TrainConfig, memory: StepMemory = noMemory(config)): DurianOptions => {
  const { durian, soft_overlong } = config
  const { perceptual, reasoning } = windowsOf(config, memory)
  return {
    weights: durian.weights,
    perceptualQuantiles: durian.perceptual_quantiles,
    reasoningGroups: durian.reasoning_groups,
    epsilon: config.std_epsilon,
    varianceEpsilon: config.std_variance_epsilon,
    floor: config.std_floor,
    ddof: config.ddof,
    base: durian.base,
    rewardWeights: [...config.reward_weights, ...(soft_overlong.enabled ? [soft_overlong.weight] : [])],
    ...(durian.shrinkage > 0 ? { spread: shrunkSpread(durian.shrinkage) } : {}),
    ...(durian.window > 0
      ? {
          bucketers: {
            perceptual: windowedBuckets(percentileBuckets(durian.perceptual_quantiles), perceptual),
            reasoning: windowedBuckets(quantileBuckets(durian.reasoning_groups), reasoning),
          },
        }
      : {}),
  }
}

export interface AdvantageInputs {
  /** What earlier steps left; default nothing. */
  readonly memory?: StepMemory
  /** Rewards in the shape of the groups', where a penalty was taken from them; default the groups' own. */
  readonly rewards?: RewardGroups
}

/**
 * Advantages of one rollout batch under the configured estimator.
 *
 * Takes the whole accepted batch: quantile edges and bucket stds are the batch's, before any minibatch split (paper, eq. 10-20).
 */
export const groupAdvantages = (
  config: TrainConfig,
  groups: ReadonlyArray<Rolled>,
  { memory, rewards = groups.map((group) => group.rewards) }: AdvantageInputs = {},
): GroupAdvantages => {
  const samples = samplesOf(config, groups, rewards)
  const options = durianOptions(config, memory)
  const durian = durianAdvantages(samples, options)
  const made = new Map([['durian', durian.advantages]])
  const under: GroupAdvantages['under'] = (name) => {
    const known = made.get(name) ?? estimator(name, options)(samples).advantages
    made.set(name, known)
    return known
  }
  return { advantages: under(config.estimator), durian, under }
}

const samplesOf = (
  config: TrainConfig,
  groups: ReadonlyArray<Rolled>,
  rewards: RewardGroups,
): ReadonlyArray<Sample> => {
  // In the order of reward_funcs, the punishment of long completions last: that of the weights.
  const names = Object.keys(groups[0]?.parts[0] ?? {})
  const samples = groups.map(({ visualEntropy, confidence, completions, parts }, s): Sample => ({
    rewards: rewards[s]!,
    entropy: visualEntropy,
    confidence,
    parts: names.map((name) => parts.map((part) => part[name] ?? null)),
    ...(config.reinforce_over === 'tokens' ? { lengths: completions.map(({ ids }) => ids.length) } : {}),
  }))
  return config.durian.difficulty === 'accuracy' ? withAccuracy(samples, rightness(groups)) : samples
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

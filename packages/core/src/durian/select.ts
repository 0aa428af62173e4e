import {
  type AdvantageEstimator,
  type Advantages,
  batchStd,
  centreOnly,
  leaveOneOut,
  perPromptStd,
  type StdOptions,
} from './advantage.ts'
import { type Difficulty, durianAdvantages, type DurianOptions, type Sample } from './durian.ts'

/** Names of the estimators that look at rewards alone, as in configuration files and on the command line. */
export const rewardEstimatorNames = ['grpo', 'dr_grpo', 'batch', 'rloo', 'none'] as const
export type RewardEstimatorName = (typeof rewardEstimatorNames)[number]

/** Names of all estimators. */
export const estimatorNames = ['durian', ...rewardEstimatorNames] as const
export type EstimatorName = (typeof estimatorNames)[number]

/**
 * The estimator of a name, among those that look at rewards alone: the one place where a configuration's word becomes a function.
 *
 * `grpo` std of each prompt (paper, eq. 3); `dr_grpo` centred only; `batch` one std for the batch; `rloo` leave one out;
 * `none` the reward itself, without a baseline (TRL's `scale_rewards: none` is `dr_grpo`).
 */
export const rewardEstimator = (name: RewardEstimatorName, options: StdOptions): AdvantageEstimator => {
  switch (name) {
    case 'grpo':
      return perPromptStd(options)
    case 'dr_grpo':
      return centreOnly
    case 'batch':
      return batchStd(options)
    case 'rloo':
      return leaveOneOut
    case 'none':
      return (rewards) => rewards
  }
}

/** One answer for every estimator. */
export interface Normalised {
  /** [B][G_s]; null exactly where the reward is. */
  readonly advantages: Advantages
  /** By name: `grpo`, `perceptual`, `reasoning` for durian (before weighting), the estimator's own name for others. */
  readonly components: Readonly<Record<string, Advantages>>
  /** null for estimators that use no difficulty. */
  readonly perceptual: Difficulty | null
  readonly reasoning: Difficulty | null
}

export type Normaliser = (samples: ReadonlyArray<Sample>) => Normalised

/** Any estimator by name, `durian` (paper, eq. 20) included, with what it reports beside the advantages. */
export const estimator = (name: EstimatorName, options: DurianOptions): Normaliser => {
  if (name === 'durian') return (samples) => durianAdvantages(samples, options)
  const estimate = rewardEstimator(name, options)
  return (samples) => {
    const advantages = estimate(samples.map((sample) => sample.rewards))
    return { advantages, components: { [name]: advantages }, perceptual: null, reasoning: null }
  }
}

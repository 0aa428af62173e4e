import { composed } from './compose.ts'
import { type BatchContext, composition, type RewardEstimatorName, rewardEstimatorNames } from './compositions.ts'
import { type Difficulty, durianAdvantages, type DurianOptions, type Sample } from './durian.ts'
import type { AdvantageEstimator, Advantages } from './rewards.ts'
import { contextOf } from './samples.ts'
import type { StdOptions } from './spread.ts'

export { type BatchContext, type RewardEstimatorName, rewardEstimatorNames } from './compositions.ts'

/** Names of all estimators. */
export const estimatorNames = ['durian', ...rewardEstimatorNames] as const
export type EstimatorName = (typeof estimatorNames)[number]

/**
 * The estimator of a name, among those that look at rewards alone: the one place where a configuration's word becomes a function.
 * `composition` says what each name stands for.
 */
export const rewardEstimator = (
  name: RewardEstimatorName,
  options: StdOptions,
  context: BatchContext = {},
): AdvantageEstimator => composed(composition(name, options, context), options)

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

/**
 * Any estimator by name, `durian` (paper, eq. 20) included, with what it reports beside the advantages.
 * What the samples have besides rewards (`lengths`, `parts`) is used by the estimators that know what to do with it.
 */
export const estimator = (name: EstimatorName, options: DurianOptions): Normaliser => {
  if (name === 'durian') return (samples) => durianAdvantages(samples, options)
  return (samples) => {
    const estimate = rewardEstimator(name, options, contextOf(samples, options))
    const advantages = estimate(samples.map((sample) => sample.rewards))
    return { advantages, components: { [name]: advantages }, perceptual: null, reasoning: null }
  }
}

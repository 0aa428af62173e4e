import {
  type AdvantageEstimator,
  type Advantages,
  batchStd,
  centreOnly,
  leaveOneOut,
  perPromptStd,
} from './advantage.ts'
import { type Difficulty, durianAdvantages, type DurianOptions, type Sample } from './durian.ts'

/** Names of the advantage estimators, as in configuration files and on the command line. */
export const estimatorNames = ['durian', 'grpo', 'dr_grpo', 'batch', 'rloo'] as const
export type EstimatorName = (typeof estimatorNames)[number]

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

const byRewards =
  (name: EstimatorName, estimate: AdvantageEstimator): Normaliser =>
  (samples) => {
    const advantages = estimate(samples.map((sample) => sample.rewards))
    return { advantages, components: { [name]: advantages }, perceptual: null, reasoning: null }
  }

/**
 * The estimator of a name: the one place where a configuration's word becomes a function.
 *
 * `durian` eq. 20; `grpo` std of each prompt, eq. 3; `dr_grpo` centred only; `batch` one std for the batch; `rloo` leave one out.
 */
export const estimator = (name: EstimatorName, options: DurianOptions): Normaliser => {
  switch (name) {
    case 'durian':
      return (samples) => durianAdvantages(samples, options)
    case 'grpo':
      return byRewards(name, perPromptStd(options))
    case 'dr_grpo':
      return byRewards(name, centreOnly)
    case 'batch':
      return byRewards(name, batchStd(options))
    case 'rloo':
      return byRewards(name, leaveOneOut)
  }
}

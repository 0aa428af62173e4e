import { type Preset, presets as corePresets, type PresetName } from '@durian/core'
import type { Partially, TrainConfig } from './trainConfig.ts'

/**
 * The keys that stand for the arithmetic of a preset of core: estimator, surrogate, aggregation and penalty have one source, and what is
 * written here is only their names.
 */
export const coreValues = (name: PresetName): Partially<TrainConfig> => {
  const { estimator, surrogate, aggregate, kl, entropyCoefficient }: Preset = corePresets[name]
  return {
    estimator: estimator.name,
    std_epsilon: estimator.epsilon,
    ddof: estimator.ddof,
    ...surrogateValues(surrogate, aggregate),
    beta: kl?.beta ?? 0,
    ...(kl === null
      ? {}
      : {
          kl: {
            estimator: kl.estimator ?? null,
            clamp: kl.clamp === undefined ? null : ([kl.clamp.difference, kl.clamp.estimate] as const),
          },
        }),
    entropy_coef: entropyCoefficient,
  }
}

const lossTypes = {
  'sequence-mean': 'grpo',
  'token-mean': 'dapo',
  'fixed-length': 'dr_grpo',
  'sequence-sum': 'luspo',
} as const

const surrogateValues = (surrogate: Preset['surrogate'], aggregate: Preset['aggregate']): Partially<TrainConfig> => {
  switch (surrogate.type) {
    case 'clipped':
      return {
        loss_type: lossTypes[aggregate],
        epsilon: surrogate.low,
        epsilon_high: surrogate.high,
        clip_ratio_c: surrogate.dual ?? null,
        delta: surrogate.delta ?? null,
      }
    case 'cispo':
      return {
        loss_type: 'cispo',
        loss_aggregation: aggregate === 'token-mean' ? null : aggregate,
        epsilon_high: surrogate.max,
        cispo_min: surrogate.min ?? 0,
      }
    case 'sapo':
      return { loss_type: 'sapo', loss_aggregation: aggregate === 'sequence-mean' ? null : aggregate }
    case 'policy-gradient':
      return { loss_type: 'policy_gradient', loss_aggregation: aggregate === 'token-mean' ? null : aggregate }
  }
}

import {
  aggregateOf,
  type KlOptions,
  onPolicyOnly,
  type PolicyLossOptions,
  type Preset,
  recipeSpec,
  type SurrogateSpec,
  surrogateOf,
  type TokenWeight,
  undecidedOnly,
} from '@durian/core'
import type { TrainConfig } from './trainConfig.ts'

/** The arithmetic of a run's loss as data, in the words of core's presets. `kl` is null where the loss holds no penalty. */
export type LossSpec = Pick<Preset, 'surrogate' | 'aggregate' | 'kl' | 'entropyCoefficient'>

/** TRL writes its levels with an underscore. */
const levels = { token: 'token', sequence: 'sequence', sequence_token: 'sequence-token' } as const

/** What the configuration asks for; the sums themselves are core's. */
export const lossSpec = (config: TrainConfig): LossSpec => {
  const { loss_type, epsilon, epsilon_high, clip_ratio_c, delta, max_completion_length } = config
  const { surrogate, aggregate } = recipeSpec(loss_type, {
    epsilon,
    ...(epsilon_high === null ? {} : { epsilonHigh: epsilon_high }),
    ...(clip_ratio_c === null ? {} : { dualClip: clip_ratio_c }),
    ...(delta === null ? {} : { delta }),
    maxCompletionLength: max_completion_length,
    temperatures: { positive: config.sapo_temperature_pos, negative: config.sapo_temperature_neg },
  })
  const chosen = withChoices(config, surrogate)
  return {
    surrogate: chosen,
    aggregate: config.loss_aggregation ?? aggregate,
    kl: config.beta > 0 && config.kl.placement === 'loss' ? { ...klOptions(config, chosen), beta: config.beta } : null,
    entropyCoefficient: config.entropy_coef,
  }
}

const withChoices = (
  { importance_sampling_level: level, cispo_min }: TrainConfig,
  surrogate: SurrogateSpec,
): SurrogateSpec => {
  if (surrogate.type === 'policy-gradient') return surrogate
  const levelled = level === null ? surrogate : { ...surrogate, level: levels[level] }
  return levelled.type === 'cispo' && cispo_min > 0 ? { ...levelled, min: cispo_min } : levelled
}

const klOptions = (
  { kl: { estimator, clamp }, use_bias_correction_kl }: TrainConfig,
  surrogate: SurrogateSpec,
): KlOptions => ({
  estimator: estimator ?? 'k3',
  ...(clamp === null ? {} : { clamp: { difference: clamp[0], estimate: clamp[1] } }),
  ...(use_bias_correction_kl
    ? { weightedBy: ('level' in surrogate ? surrogate.level : undefined) ?? ('token' as const) }
    : {}),
})

/** What changes from step to step and from update to update. */
export interface LossState {
  /** Coefficient of the KL penalty now; an adaptive one starts at the configured beta. */
  readonly beta: number
  /** Entropy that a token must reach to keep its policy gradient, nats; null = all do. */
  readonly entropyThreshold: number | null
}

/** The loss of one update, for core's `policyLoss`. */
export const lossOptions = (config: TrainConfig, { beta, entropyThreshold }: LossState): PolicyLossOptions => {
  const { surrogate, aggregate, kl, entropyCoefficient } = lossSpec(config)
  const weights: ReadonlyArray<TokenWeight> = [
    ...(entropyThreshold === null ? [] : [undecidedOnly({ threshold: entropyThreshold })]),
    ...(config.off_policy_mask_threshold === null
      ? []
      : [onPolicyOnly({ threshold: config.off_policy_mask_threshold })]),
  ]
  return {
    surrogate: surrogateOf(surrogate),
    aggregate: aggregateOf(aggregate, { maxCompletionLength: config.max_completion_length }),
    ...(kl === null ? {} : { kl: { ...kl, beta } }),
    entropyCoefficient,
    ...(weights.length === 0 ? {} : { weights }),
  }
}

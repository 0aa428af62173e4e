import type { EstimatorName } from '../durian/select.ts'
import type { StdOptions } from '../durian/spread.ts'
import { easyR1KlClamp, type KlOptions } from './kl.ts'
import type { PolicyLossOptions } from './policyLoss.ts'
import { aggregateOf, surrogateOf, type AggregateSpec, type SurrogateSpec } from './specs.ts'

/** A framework's arithmetic as data: what turns rewards into advantages, and advantages into a loss. Sampling and the optimiser are not in it. */
export interface Preset {
  readonly estimator: { readonly name: EstimatorName } & StdOptions
  readonly surrogate: SurrogateSpec
  readonly aggregate: AggregateSpec
  /** Penalty in the loss; null = none. */
  readonly kl: (KlOptions & { readonly beta: number }) | null
  readonly entropyCoefficient: number
  /** Where each number stands. */
  readonly sources: ReadonlyArray<string>
  /** Where the framework's own program gives something else, on purpose. */
  readonly differences: ReadonlyArray<string>
}

const easyR1 = 'EasyR1@b44b311'
const trl = 'trl@v1.10.0'
const verl = 'verl@v0.8.0'

const exactZero =
  'a constant group has advantage exactly 0; a std from rounded float32 sums leaves up to 0.1 (constant 0.9, n = 16)'

const clipOfEasyR1 = { type: 'clipped', low: 0.2, high: 0.3, dual: 3 } as const

const easyR1Grpo: Preset = {
  estimator: { name: 'grpo', epsilon: 1e-6, ddof: 1 },
  surrogate: clipOfEasyR1,
  aggregate: 'token-mean',
  kl: { estimator: 'k3', clamp: easyR1KlClamp, beta: 0.01 },
  entropyCoefficient: 0,
  sources: [
    `${easyR1} verl/trainer/core_algos.py#L175-L216 (advantage)`,
    `${easyR1} verl/trainer/core_algos.py#L410-L509 (loss), #L560-L599 (KL)`,
    `${easyR1} verl/workers/actor/config.py#L107-L110 (clip), examples/config.yaml (token mean, kl_coef 1e-2)`,
  ],
  differences: [exactZero],
}

const trlDefaults = {
  estimator: { name: 'grpo', epsilon: 1e-4, ddof: 1 },
  kl: null,
  entropyCoefficient: 0,
  differences: [exactZero, 'the log-ratio is cut at 20, so that a collapsed token stays finite'],
} as const

const trlSources = [
  `${trl} trainer/grpo_trainer.py#L2751-L2777 (advantage), #L3136-L3222 (loss)`,
  `${trl} trainer/grpo_config.py#L674-L800 (beta 0, epsilon 0.2, loss_type)`,
]

/**
 * Presets by name. The paper's two are its estimator (eq. 20) on EasyR1's settings, with the objective of its own eq. 2 and eq. 4.
 *
 * EasyR1's `loss_avg_mode: seq` under dynamic batching is no preset: there the micro-batches are weighted by their tokens, so the loss
 * depends on how rollouts were packed (`EasyR1@b44b311 verl/workers/actor/dp_actor.py#L287`); `sequence-mean` here does not.
 */
export const presets = {
  'easyr1-grpo': easyR1Grpo,
  'easyr1-dapo': {
    ...easyR1Grpo,
    surrogate: { type: 'clipped', low: 0.2, high: 0.28, dual: 3 },
    kl: null,
    sources: [...easyR1Grpo.sources.slice(0, 2), `${easyR1} examples/qwen2_5_vl_7b_geo3k_dapo.sh (clip, disable_kl)`],
    differences: [
      exactZero,
      'which groups are kept is no part of it: EasyR1 asks for a mean reward in (0.01, 0.99), see meanVerdict',
    ],
  },
  'trl-grpo': {
    ...trlDefaults,
    surrogate: { type: 'clipped', low: 0.2, high: 0.2 },
    aggregate: 'sequence-mean',
    sources: trlSources,
  },
  'trl-dapo': {
    ...trlDefaults,
    surrogate: { type: 'clipped', low: 0.2, high: 0.2 },
    aggregate: 'token-mean',
    sources: [...trlSources, `${trl} trainer/grpo_config.py#L794 (dapo is the default)`],
  },
  'trl-dr-grpo': {
    ...trlDefaults,
    estimator: { name: 'dr_grpo', epsilon: 1e-4, ddof: 1 },
    surrogate: { type: 'clipped', low: 0.2, high: 0.2 },
    aggregate: 'fixed-length',
    sources: [...trlSources, `${trl} docs, scale_rewards=False with loss_type dr_grpo (Liu et al. 2025)`],
  },
  'trl-cispo': {
    ...trlDefaults,
    surrogate: { type: 'cispo', max: 5 },
    aggregate: 'token-mean',
    sources: [...trlSources, `${trl} trainer/grpo_config.py#L698 (epsilon_high 5.0 for cispo, no lower bound)`],
  },
  'verl-grpo': {
    estimator: { name: 'grpo', epsilon: 1e-6, ddof: 1 },
    surrogate: { type: 'clipped', low: 0.2, high: 0.2, dual: 3 },
    aggregate: 'token-mean',
    kl: { estimator: 'k3', clamp: easyR1KlClamp, beta: 0.001 },
    entropyCoefficient: 0,
    sources: [
      `${verl} trainer/ppo/core_algos.py#L268-L331 (advantage), #L1279-L1370 (loss), #L2126-L2190 (KL)`,
      `${verl} trainer/config/actor/actor.yaml#L36-L112 (clip 0.2, c 3, token-mean, kl_loss_coef 0.001)`,
      'verl examples/grpo_trainer (use_kl_loss=True, low_var_kl)',
    ],
    differences: [
      exactZero,
      'a group of one has advantage 0; verl gives it the raw reward',
      'the token mean is over the whole batch; verl without global_batch_info averages micro-batches',
    ],
  },
  'paper-grpo': {
    estimator: { name: 'durian', epsilon: 1e-6, ddof: 1 },
    surrogate: clipOfEasyR1,
    aggregate: 'sequence-mean',
    kl: { estimator: 'k3', clamp: easyR1KlClamp, beta: 0.01 },
    entropyCoefficient: 0,
    sources: ['paper, eq. 2-3 (objective) and 20 (advantage)', ...easyR1Grpo.sources.slice(1)],
    differences: [],
  },
  'paper-dapo': {
    estimator: { name: 'durian', epsilon: 1e-6, ddof: 1 },
    surrogate: { type: 'clipped', low: 0.2, high: 0.28, dual: 3 },
    aggregate: 'token-mean',
    kl: null,
    entropyCoefficient: 0,
    sources: ['paper, eq. 4 (objective) and 20 (advantage)', `${easyR1} examples/qwen2_5_vl_7b_geo3k_dapo.sh (clip)`],
    differences: [],
  },
} as const satisfies Readonly<Record<string, Preset>>

export type PresetName = keyof typeof presets
export const presetNames = Object.keys(presets) as ReadonlyArray<PresetName>

/** What `policyLoss` takes, of a preset. */
export const presetLoss = (
  { surrogate, aggregate, kl, entropyCoefficient }: Preset,
  run: { readonly maxCompletionLength: number },
): PolicyLossOptions => ({
  surrogate: surrogateOf(surrogate),
  aggregate: aggregateOf(aggregate, run),
  ...(kl === null ? {} : { kl }),
  entropyCoefficient,
})

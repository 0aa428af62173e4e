import type { Aggregate } from './aggregate.ts'
import { aggregateOf, surrogateOf, type AggregateSpec, type SurrogateSpec } from './specs.ts'
import type { ClipRange, RatioLevel, Surrogate } from './surrogate.ts'

export interface RecipeOptions {
  /** TRL's `epsilon`: the ratio counts down to 1 - epsilon. */
  readonly epsilon: number
  /** TRL's `epsilon_high`: the ratio counts up to 1 + epsilonHigh. Default epsilon. For cispo it is the largest weight, and needed. */
  readonly epsilonHigh?: number
  /** L of dr_grpo: the longest completion that may be drawn, in tokens. */
  readonly maxCompletionLength: number
  /** EasyR1's `clip_ratio_dual`, 3 there. None if left out, as in TRL. */
  readonly dualClip?: number
  /** TRL's `delta`: the ratio counts up to delta whatever the sign of the advantage. None if left out. */
  readonly delta?: number
  /** TRL's `sapo_temperature_pos` and `sapo_temperature_neg`; default 1 and 1.05. */
  readonly temperatures?: { readonly positive: number; readonly negative: number }
}

export interface Recipe {
  readonly surrogate: Surrogate
  readonly aggregate: Aggregate
}

export const lossTypes = [
  'grpo',
  'dapo',
  'bnpo',
  'dr_grpo',
  'cispo',
  'gspo',
  'gspo_token',
  'sapo',
  'luspo',
  'policy_gradient',
] as const
export type LossType = (typeof lossTypes)[number]

/**
 * What each `loss_type` stands for, as data. Advantages are chosen elsewhere.
 *
 * | loss_type  | surrogate          | ratio of       | aggregate                   | source                                                               |
 * |------------|--------------------|----------------|-----------------------------|----------------------------------------------------------------------|
 * | grpo       | clipped            | token          | mean of each rollout's mean | paper, eq. 2-3; Shao et al. 2024, eq. 3; EasyR1 `loss_avg_mode: seq` |
 * | dapo       | clipped            | token          | mean over tokens            | paper, eq. 4; Yu et al. 2025, eq. 8; EasyR1 `loss_avg_mode: token`   |
 * | bnpo       | clipped            | token          | mean over tokens            | TRL's name for the mean over one micro-batch's tokens                |
 * | dr_grpo    | clipped            | token          | token sums over S * L       | Liu et al. 2025; TRL `dr_grpo`                                       |
 * | cispo      | clipped weight     | token          | mean over tokens            | MiniMax-M1 2025; TRL `cispo`                                         |
 * | gspo       | clipped            | sequence       | mean of each rollout's mean | Zheng et al. 2025, eq. 5; TRL `importance_sampling_level: sequence`  |
 * | gspo_token | clipped            | sequence-token | mean of each rollout's mean | Zheng et al. 2025, eq. 13                                            |
 * | sapo       | sigmoid gate       | token          | mean of each rollout's mean | Gao et al. 2025; TRL `sapo`                                          |
 * | luspo      | clipped            | sequence       | mean of each rollout's sum  | TRL `luspo`                                                          |
 * | policy_gradient | A ln pi       | -              | mean over tokens            | REINFORCE; `verl@v0.8.0 trainer/ppo/core_algos.py`, gpg              |
 *
 * Differs from TRL in bnpo: there it is normalised by each micro-batch's own tokens and changes with the micro-batch size.
 * Here every loss divides by the whole batch, so bnpo is what TRL computes with one micro-batch, which is dapo.
 *
 * @throws RangeError for cispo without `epsilonHigh`: it is no distance from 1 there, and epsilon would bound every weight at 0.2
 */
export const recipeSpec = (
  lossType: LossType,
  options: RecipeOptions,
): { readonly surrogate: SurrogateSpec; readonly aggregate: AggregateSpec } => {
  const clipped = (level: RatioLevel): SurrogateSpec => ({ type: 'clipped', ...rangeOf(options), level })
  switch (lossType) {
    case 'grpo':
      return { surrogate: clipped('token'), aggregate: 'sequence-mean' }
    case 'dapo':
    case 'bnpo':
      return { surrogate: clipped('token'), aggregate: 'token-mean' }
    case 'dr_grpo':
      return { surrogate: clipped('token'), aggregate: 'fixed-length' }
    case 'cispo': {
      const { epsilonHigh } = options
      if (epsilonHigh === undefined)
        throw new RangeError('loss_type cispo needs epsilon_high, the largest weight of a token; TRL advises 5')
      return { surrogate: { type: 'cispo', max: epsilonHigh }, aggregate: 'token-mean' }
    }
    case 'gspo':
      return { surrogate: clipped('sequence'), aggregate: 'sequence-mean' }
    case 'gspo_token':
      return { surrogate: clipped('sequence-token'), aggregate: 'sequence-mean' }
    case 'sapo':
      return { surrogate: { type: 'sapo', ...options.temperatures }, aggregate: 'sequence-mean' }
    case 'luspo':
      return { surrogate: clipped('sequence'), aggregate: 'sequence-sum' }
    case 'policy_gradient':
      return { surrogate: { type: 'policy-gradient' }, aggregate: 'token-mean' }
  }
}

const rangeOf = ({ epsilon, epsilonHigh = epsilon, dualClip, delta }: RecipeOptions): ClipRange => ({
  low: epsilon,
  high: epsilonHigh,
  ...(dualClip === undefined ? {} : { dual: dualClip }),
  ...(delta === undefined ? {} : { delta }),
})

/** Surrogate and aggregate of a `loss_type`: see `recipeSpec`. */
export const recipe = (lossType: LossType, options: RecipeOptions): Recipe => {
  const { surrogate, aggregate } = recipeSpec(lossType, options)
  return { surrogate: surrogateOf(surrogate), aggregate: aggregateOf(aggregate, options) }
}

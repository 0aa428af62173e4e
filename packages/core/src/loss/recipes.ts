import { fixedLength, sequenceMean, tokenMean, type Aggregate } from './aggregate.ts'
import { clipped, type Surrogate } from './surrogate.ts'

export interface RecipeOptions {
  /** TRL's `epsilon`: the ratio counts down to 1 - epsilon. */
  readonly epsilon: number
  /** TRL's `epsilon_high`: the ratio counts up to 1 + epsilonHigh. Default epsilon. */
  readonly epsilonHigh?: number
  /** L of dr_grpo: the longest completion that may be drawn, in tokens. */
  readonly maxCompletionLength: number
  /** EasyR1's `clip_ratio_dual`, 3 there. None if left out, as in TRL. */
  readonly dualClip?: number
}

export interface Recipe {
  readonly surrogate: Surrogate
  readonly aggregate: Aggregate
}

/**
 * What each `loss_type` stands for. All share the clipped surrogate; they differ in how tokens are weighed. Advantages are chosen elsewhere.
 *
 * | loss_type | aggregate                    | source                                                                            |
 * |-----------|------------------------------|-----------------------------------------------------------------------------------|
 * | grpo      | mean of each rollout's mean  | paper, eq. 2-3; Shao et al. 2024, eq. 3; EasyR1 `loss_avg_mode: seq`              |
 * | dapo      | mean over the batch's tokens | paper, eq. 4; Yu et al. 2025, eq. 8; EasyR1 `loss_avg_mode: token`                |
 * | bnpo      | mean over the batch's tokens | TRL's name for the mean over one micro-batch's tokens                             |
 * | dr_grpo   | token sums over S * L        | Liu et al. 2025; TRL `dr_grpo`                                                    |
 *
 * Differs from TRL in bnpo: there it is normalised by each micro-batch's own tokens and changes with the micro-batch size.
 * Here every loss divides by the whole batch, so bnpo is what TRL computes with one micro-batch, which is dapo.
 */
const aggregates = {
  grpo: () => sequenceMean,
  dapo: () => tokenMean,
  bnpo: () => tokenMean,
  dr_grpo: ({ maxCompletionLength }: RecipeOptions) => fixedLength(maxCompletionLength),
} satisfies Record<string, (options: RecipeOptions) => Aggregate>

export type LossType = keyof typeof aggregates

export const lossTypes: ReadonlyArray<LossType> = ['grpo', 'dapo', 'bnpo', 'dr_grpo']

/** Surrogate and aggregate of a `loss_type`. */
export const recipe = (lossType: LossType, options: RecipeOptions): Recipe => {
  const { epsilon, epsilonHigh = epsilon, dualClip } = options
  return {
    surrogate: clipped({ low: epsilon, high: epsilonHigh, ...(dualClip === undefined ? {} : { dual: dualClip }) }),
    aggregate: aggregates[lossType](options),
  }
}

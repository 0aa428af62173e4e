import { scalar, scale, shift } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import { probabilityRatio, type RatioLevel } from './ratio.ts'
import type { TokenBatch } from './tokenBatch.ts'

export { probabilityRatio, type RatioLevel } from './ratio.ts'

/** A surrogate's value for each token, [B, T] each; [B, 1] where one number holds for a whole rollout. */
export interface SurrogateTerms<T> {
  /** To maximise. */
  readonly objective: T
  /** rho = pi / pi_old; no gradient. */
  readonly ratio: T
  /** 1 where the lower bound takes the gradient away (advantage < 0), else 0; no gradient. */
  readonly clippedLow: T
  /** 1 where the upper bound takes the gradient away (advantage > 0), else 0; no gradient. */
  readonly clippedHigh: T
}

export type Surrogate = <T>(ops: TensorOps<T>, batch: TokenBatch<T>) => SurrogateTerms<T>

export interface ClipRange {
  /** eps_low: the ratio counts down to 1 - low. */
  readonly low: number
  /** eps_high: the ratio counts up to 1 + high; DAPO's clip-higher has high > low. */
  readonly high: number
  /** c > 1 of dual clip (Ye et al. 2020): with a negative advantage the objective is at least c * A. None if left out. */
  readonly dual?: number
  /**
   * TRL's `delta`, the upper side of two-sided clipping (INTELLECT-2): the ratio itself counts up to delta, for either sign of the
   * advantage (`trl@v1.10.0 trainer/grpo_trainer.py#L3156`). With delta > 1 + high it is dual clip with c = delta. None if left out.
   */
  readonly delta?: number
  /** Default `token`; `sequence` and `sequence-token` make it GSPO, whose ranges are near 3e-4. */
  readonly level?: RatioLevel
}

/** 1 where x > 0, else 0, without a comparison: tfjs has no gradient for one inside its tape. |x| below 1e-30 counts in part. */
export const positive = <T>(ops: TensorOps<T>, x: T): T => ops.clip(scale(ops, x, 1e30), 0, 1)

/** Where a ratio lies beyond [low, high] and its advantage pulls it further away. */
export const beyond = <T>(
  ops: TensorOps<T>,
  {
    ratio,
    advantage,
    low,
    high,
  }: { readonly ratio: T; readonly advantage: T; readonly low: number; readonly high: number },
): Pick<SurrogateTerms<T>, 'clippedLow' | 'clippedHigh'> => ({
  clippedLow: ops.mul(positive(ops, shift(ops, ops.neg(ratio), low)), positive(ops, ops.neg(advantage))),
  clippedHigh: ops.mul(positive(ops, shift(ops, ratio, -high)), positive(ops, advantage)),
})

/**
 * The clipped surrogate of PPO, GRPO, DAPO and GSPO.
 *
 *   min(rho A, clip(rho, 1 - eps_low, 1 + eps_high) A)                     (paper, eq. 2 and 4)
 *   max(that, c A) where A < 0, with dual clip
 */
export const clipped =
  ({ low, high, dual, delta, level = 'token' }: ClipRange): Surrogate =>
  <T>(ops: TensorOps<T>, batch: TokenBatch<T>): SurrogateTerms<T> => {
    const { advantage } = batch
    const ratio = probabilityRatio(ops, batch, level) // [B, T] or [B, 1]
    const bounded = ops.mul(ops.clip(ratio, 1 - low, 1 + high), advantage)
    const free = delta === undefined ? ratio : ops.minimum(ratio, scalar(ops, delta))
    const pessimistic = ops.minimum(ops.mul(free, advantage), bounded)
    const still = ops.stopGradient(ratio)
    return {
      objective: dual === undefined ? pessimistic : ops.maximum(pessimistic, floorOf(ops, advantage, dual)),
      ratio: still,
      ...beyond(ops, { ratio: still, advantage, low: 1 - low, high: 1 + high }),
    }
  }

/** c min(A, 0): below every objective of a non-negative advantage, so it acts on negative ones alone. */
const floorOf = <T>(ops: TensorOps<T>, advantage: T, dual: number): T =>
  scale(ops, ops.minimum(advantage, scalar(ops, 0)), dual)

/** The plain policy gradient: A ln pi, whose gradient is A grad ln pi whatever the old policy. */
export const policyGradient: Surrogate = <T>(ops: TensorOps<T>, batch: TokenBatch<T>): SurrogateTerms<T> => {
  const ratio = ops.stopGradient(probabilityRatio(ops, batch))
  const never = scale(ops, ratio, 0)
  return { objective: ops.mul(batch.logprob, batch.advantage), ratio, clippedLow: never, clippedHigh: never }
}

import { scalar, scale, shift } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { TokenBatch } from './tokenBatch.ts'

/** A surrogate's value for each token, [B, T] each. */
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
}

/** exp(20) = 5e8: what stops a ratio from overflowing where a token's probability collapses. */
const logRatioLimit = 20

/**
 * rho = exp(clamp(ln pi - ln pi_old, -20, 20)), [B, T]; the clamp is that of `EasyR1@b44b311 verl/trainer/core_algos.py#L478`.
 * Its gradient is 0 where the clamp acts.
 */
export const probabilityRatio = <T>(ops: TensorOps<T>, { logprob, oldLogprob }: TokenBatch<T>): T =>
  ops.exp(ops.clip(ops.sub(logprob, oldLogprob), -logRatioLimit, logRatioLimit))

/** 1 where x > 0, else 0, without a comparison: tfjs has no gradient for one inside its tape. |x| below 1e-30 counts in part. */
const positive = <T>(ops: TensorOps<T>, x: T): T => ops.clip(scale(ops, x, 1e30), 0, 1)

/**
 * The clipped surrogate of PPO, GRPO and DAPO.
 *
 *   min(rho A, clip(rho, 1 - eps_low, 1 + eps_high) A)                     (paper, eq. 2 and 4)
 *   max(that, c A) where A < 0, with dual clip
 */
export const clipped =
  ({ low, high, dual }: ClipRange): Surrogate =>
  <T>(ops: TensorOps<T>, batch: TokenBatch<T>): SurrogateTerms<T> => {
    const { advantage } = batch
    const ratio = probabilityRatio(ops, batch) // [B, T]
    const bounded = ops.mul(ops.clip(ratio, 1 - low, 1 + high), advantage) // [B, T]
    const pessimistic = ops.minimum(ops.mul(ratio, advantage), bounded) // [B, T]
    const still = ops.stopGradient(ratio)
    return {
      objective: dual === undefined ? pessimistic : ops.maximum(pessimistic, floorOf(ops, advantage, dual)),
      ratio: still,
      clippedLow: ops.mul(positive(ops, shift(ops, ops.neg(still), 1 - low)), positive(ops, ops.neg(advantage))),
      clippedHigh: ops.mul(positive(ops, shift(ops, still, -(1 + high))), positive(ops, advantage)),
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

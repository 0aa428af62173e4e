import { scale, shift } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { RatioLevel } from './ratio.ts'

export interface KlClamp {
  /** |ln pi_ref - ln pi| is cut here. */
  readonly difference: number
  /** |estimate| is cut here. */
  readonly estimate: number
}

/** k1, k2 and k3 of Schulman's "Approximating KL Divergence" (2020), or the absolute difference. */
export type KlEstimator = 'k1' | 'k2' | 'k3' | 'abs'

export interface KlOptions {
  /**
   * Default k3. With a `+` the value is that estimator's and the gradient is k2's, whose mean is the gradient of KL, while the means of k1's
   * and k3's are not (`verl@v0.8.0 trainer/ppo/core_algos.py#L2126-L2151`). The clamp then bounds the value alone.
   */
  readonly estimator?: KlEstimator | 'k1+' | 'k3+' | 'abs+'
  /**
   * Multiplies the estimate by the probability ratio of this level, gradient included, so that it stays unbiased after the first update:
   * TRL's `use_bias_correction_kl`, from DeepSeek-V3.2 (`trl@v1.10.0 trainer/grpo_trainer.py#L3145`). Not if left out.
   */
  readonly weightedBy?: RatioLevel
  /** Limits of the estimate; its gradient is 0 where they act. None if left out, as in TRL. */
  readonly clamp?: KlClamp
}

/** The limits of k3 in `EasyR1@b44b311 verl/trainer/core_algos.py#L560-L599`. */
export const easyR1KlClamp: KlClamp = { difference: 20, estimate: 10 }

/**
 * Estimate of KL(pi || pi_ref) at each token drawn from pi, in nats; d = ln pi_ref - ln pi.
 *
 *   k1 = -d        k2 = d^2 / 2        k3 = e^d - d - 1        abs = |d|
 *
 * k1 and k3 have the right mean, k1 may be negative; k2 and k3 never are. [B, T], [B, T] -> [B, T].
 */
export const klEstimate = <T>(ops: TensorOps<T>, logprob: T, refLogprob: T, options: KlOptions = {}): T => {
  const { estimator = 'k3', clamp } = options
  const raw = ops.sub(refLogprob, logprob) // d, [B, T]
  const valueOf = (name: KlEstimator): T =>
    limited(ops, estimateOf(ops, limited(ops, raw, clamp?.difference), name), clamp?.estimate)
  switch (estimator) {
    case 'k1+':
      return straightThrough(ops, valueOf('k1'), estimateOf(ops, raw, 'k2'))
    case 'k3+':
      return straightThrough(ops, valueOf('k3'), estimateOf(ops, raw, 'k2'))
    case 'abs+':
      return straightThrough(ops, valueOf('abs'), estimateOf(ops, raw, 'k2'))
    default:
      return valueOf(estimator)
  }
}

/** The value of one and the gradient of the other. */
const straightThrough = <T>(ops: TensorOps<T>, value: T, gradient: T): T =>
  ops.add(ops.sub(gradient, ops.stopGradient(gradient)), ops.stopGradient(value))

const limited = <T>(ops: TensorOps<T>, x: T, limit: number | undefined): T =>
  limit === undefined ? x : ops.clip(x, -limit, limit)

const estimateOf = <T>(ops: TensorOps<T>, d: T, estimator: KlEstimator): T => {
  switch (estimator) {
    case 'k1':
      return ops.neg(d)
    case 'k2':
      return scale(ops, ops.square(d), 0.5)
    case 'k3':
      return shift(ops, ops.sub(ops.exp(d), d), -1)
    case 'abs':
      return ops.abs(d)
  }
}

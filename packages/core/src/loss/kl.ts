import { scale, shift } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'

export interface KlClamp {
  /** |ln pi_ref - ln pi| is cut here. */
  readonly difference: number
  /** |estimate| is cut here. */
  readonly estimate: number
}

export interface KlOptions {
  /** k1, k2 and k3 of Schulman's "Approximating KL Divergence" (2020), or the absolute difference. Default k3. */
  readonly estimator?: 'k1' | 'k2' | 'k3' | 'abs'
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
  const difference = limited(ops, ops.sub(refLogprob, logprob), clamp?.difference) // d, [B, T]
  return limited(ops, estimateOf(ops, difference, estimator), clamp?.estimate)
}

const limited = <T>(ops: TensorOps<T>, x: T, limit: number | undefined): T =>
  limit === undefined ? x : ops.clip(x, -limit, limit)

const estimateOf = <T>(ops: TensorOps<T>, d: T, estimator: NonNullable<KlOptions['estimator']>): T => {
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

import { scalar } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { TokenBatch } from './tokenBatch.ts'

/**
 * What a probability ratio is taken over:
 * - `token`: each token's own (PPO, GRPO, DAPO);
 * - `sequence`: the geometric mean over the rollout's tokens, one for all of them (GSPO);
 * - `sequence-token`: that mean's value, with each token's own gradient (GSPO-token, Zheng et al. 2025, eq. 14).
 */
export type RatioLevel = 'token' | 'sequence' | 'sequence-token'

/** exp(20) = 5e8: what stops a ratio from overflowing where a token's probability collapses. */
const logRatioLimit = 20

/** sum_t x mask / max(sum_t mask, 1): [B, T], [B, T] -> [B, 1]. */
export const rolloutMean = <T>(ops: TensorOps<T>, x: T, mask: T): T =>
  ops.div(ops.sum(ops.mul(x, mask), 1), ops.maximum(ops.sum(mask, 1), scalar(ops, 1)))

/**
 * rho = exp(clamp(ln pi - ln pi_old, -20, 20)); the clamp is that of `EasyR1@b44b311 verl/trainer/core_algos.py#L478`, TRL has none.
 * Its gradient is 0 where the clamp acts. [B, T], or [B, 1] for `sequence`.
 *
 *   token            ln rho = ln pi - ln pi_old
 *   sequence         ln rho = 1/|o| sum_t (ln pi - ln pi_old)
 *   sequence-token   ln rho = sg(the line above) + ln pi - sg(ln pi)
 */
export const probabilityRatio = <T>(ops: TensorOps<T>, batch: TokenBatch<T>, level: RatioLevel = 'token'): T =>
  ops.exp(ops.clip(logRatio(ops, batch, level), -logRatioLimit, logRatioLimit))

const logRatio = <T>(ops: TensorOps<T>, { logprob, oldLogprob, mask }: TokenBatch<T>, level: RatioLevel): T => {
  const own = ops.sub(logprob, oldLogprob) // [B, T]
  switch (level) {
    case 'token':
      return own
    case 'sequence':
      return rolloutMean(ops, own, mask) // [B, 1]
    case 'sequence-token': {
      const still = ops.stopGradient(rolloutMean(ops, own, mask)) // [B, 1]
      return ops.add(still, ops.sub(logprob, ops.stopGradient(logprob))) // [B, T]
    }
  }
}

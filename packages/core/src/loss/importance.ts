import { ShapeError } from '../ops/shape.ts'
import { shift } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import { positive } from './surrogate.ts'
import type { TokenBatch } from './tokenBatch.ts'
import type { TokenWeight } from './tokenWeight.ts'

export interface ImportanceOptions {
  /** One weight a token, or one for the whole rollout: the product over its tokens. */
  readonly level: 'token' | 'sequence'
  /** Outside [min, max] the weight becomes the bound (`truncate`) or 0 (`mask`). */
  readonly mode: 'truncate' | 'mask'
  /** TRL 3, verl 2. */
  readonly max: number
  /** Default 0: none. */
  readonly min?: number
}

/** exp(20) = 5e8, verl's safety bound: the product over a rollout's tokens would overflow, and 0 times infinity is NaN. */
const logWeightLimit = 20

/**
 * Corrects for rollouts whose tokens another program drew (another engine, another precision): the trainer's own old policy over what that
 * program reported.
 *
 *   w = exp(ln pi_old - ln pi_rollout)            token
 *   w = exp(sum_t (ln pi_old - ln pi_rollout))    sequence
 *
 * TRL's `vllm_importance_sampling_mode` = `{token,sequence}_{truncate,mask}` (`trl@v1.10.0 trainer/grpo_trainer.py#L2649-L2692`); verl's
 * truncated importance sampling is `truncate` (`verl@v0.8.0 trainer/ppo/rollout_corr_helper.py#L520`). Where rollouts and training share
 * weights and kernels, as in this trainer, w is 1 up to rounding and this is not needed.
 *
 * @throws ShapeError when the batch has no `rolloutLogprob`
 */
export const importanceWeights =
  ({ level, mode, min = 0, max }: ImportanceOptions): TokenWeight =>
  <T>(ops: TensorOps<T>, { oldLogprob, rolloutLogprob, mask }: TokenBatch<T>): T => {
    if (rolloutLogprob === undefined) throw new ShapeError('importanceWeights: the batch has no rolloutLogprob')
    const difference = ops.mul(ops.sub(oldLogprob, rolloutLogprob), mask) // [B, T], 0 at padding
    const log = level === 'token' ? difference : ops.sum(difference, 1) // [B, T] or [B, 1]
    const weight = ops.stopGradient(ops.exp(ops.clip(log, -logWeightLimit, logWeightLimit)))
    if (mode === 'truncate') return ops.clip(weight, min, max)
    const above = positive(ops, shift(ops, weight, -max))
    const below = positive(ops, shift(ops, ops.neg(weight), min))
    return ops.mul(weight, shift(ops, ops.neg(ops.add(above, below)), 1))
  }

import { scalar, shift } from '../ops/derived.ts'
import { quantile } from '../num/quantile.ts'
import type { Vec } from '../num/vec.ts'
import { ShapeError } from '../ops/shape.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import { rolloutMean } from './ratio.ts'
import { positive } from './surrogate.ts'
import type { TokenBatch } from './tokenBatch.ts'

/**
 * A factor of the surrogate for each token, [B, T] or [B, 1], without gradient. It touches neither the KL penalty, nor the entropy bonus,
 * nor what the loss is divided by: a token of weight 0 still counts as a token, as in TRL and verl.
 */
export type TokenWeight = <T>(ops: TensorOps<T>, batch: TokenBatch<T>) => T

/** 1 - x. What goes into `positive` is stopped first: at exactly 0 a step of 1e30 would pass its slope on. */
const not = <T>(ops: TensorOps<T>, x: T): T => shift(ops, ops.neg(x), 1)

/**
 * Leaves out rollouts that are punished although the policy has moved away from them.
 *
 *   0 where A < 0 and 1/|o| sum_t (ln pi_rollout - ln pi) > threshold, else 1
 *
 * DeepSeek-V3.2's off-policy mask, TRL's `off_policy_mask_threshold` (`trl@v1.10.0 trainer/grpo_trainer.py#L2990`; 0.5 nats a token is where
 * to begin). pi_rollout is `rolloutLogprob` where the batch has it, else the old policy.
 */
export const onPolicyOnly =
  ({ threshold }: { readonly threshold: number }): TokenWeight =>
  <T>(ops: TensorOps<T>, { logprob, oldLogprob, rolloutLogprob, mask, advantage }: TokenBatch<T>): T => {
    const drift = rolloutMean(ops, ops.sub(rolloutLogprob ?? oldLogprob, ops.stopGradient(logprob)), mask) // [B, 1]
    const far = positive(ops, shift(ops, drift, -threshold))
    return not(ops, ops.mul(far, positive(ops, ops.neg(advantage))))
  }

/**
 * Keeps the gradient of the tokens where the policy is undecided: 1 where the token's entropy is at least `threshold` nats, else 0.
 * TRL's `top_entropy_quantile` (Wang et al. 2025, the 80/20 rule) with `threshold = entropyThreshold(all entropies, share)`.
 */
export const undecidedOnly =
  ({ threshold }: { readonly threshold: number }): TokenWeight =>
  <T>(ops: TensorOps<T>, { entropy }: TokenBatch<T>): T => {
    if (entropy === undefined) throw new ShapeError('undecidedOnly: the batch has no entropy')
    return not(ops, positive(ops, ops.sub(scalar(ops, threshold), ops.stopGradient(entropy))))
  }

/**
 * The entropy that a share of the tokens reach: quantile 1 - share, interpolated linearly (`trl@v1.10.0 trainer/grpo_trainer.py#L1442`).
 * Pass the entropies of the whole update batch: a micro-batch's own threshold, which TRL takes, would make the loss depend on the split.
 *
 * @param entropies - of all tokens that count, nats, at least one
 * @param share - in [0, 1]; 0.2 keeps the most undecided fifth
 */
export const entropyThreshold = (entropies: Vec, share: number): number => quantile(entropies, 1 - share)

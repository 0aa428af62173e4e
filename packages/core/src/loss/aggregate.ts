import { scalar, scale, sumAll } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { BatchTotals } from './tokenBatch.ts'

/**
 * One number from the values of all tokens: x, mask [B, T] -> [].
 * It divides by the whole batch's totals, so micro-batches add up and neither padding nor order matters.
 */
export type Aggregate = <T>(ops: TensorOps<T>, x: T, mask: T, totals: BatchTotals) => T

/** Mean over rollouts of each rollout's token mean: 1/S sum_i 1/|o_i| sum_t x  (GRPO: paper, eq. 2-3). A rollout without tokens adds 0. */
export const sequenceMean: Aggregate = (ops, x, mask, { sequences }) => {
  const lengths = ops.maximum(ops.sum(mask, 1), scalar(ops, 1)) // [B, 1]
  const means = ops.div(ops.sum(ops.mul(x, mask), 1), lengths) // [B, 1]
  return scale(ops, sumAll(ops, means), 1 / Math.max(sequences, 1))
}

/** One mean over all tokens of the batch: 1/sum_i |o_i| sum_i sum_t x  (DAPO: paper, eq. 4). */
export const tokenMean: Aggregate = (ops, x, mask, { tokens }) =>
  scale(ops, sumAll(ops, ops.mul(x, mask)), 1 / Math.max(tokens, 1))

/**
 * Token sums over a fixed budget: 1/(S L) sum_i sum_t x, with L the longest completion that may be drawn, so that no length weighs
 * more than another (Dr. GRPO, Liu et al. 2025; `trl@f2cd577 trainer/grpo_trainer.py#L3124-L3150`, loss_type dr_grpo).
 */
export const fixedLength =
  (maxCompletionLength: number): Aggregate =>
  (ops, x, mask, { sequences }) =>
    scale(ops, sumAll(ops, ops.mul(x, mask)), 1 / Math.max(sequences * maxCompletionLength, 1))

/**
 * Mean over rollouts of each rollout's token sum: 1/S sum_i sum_t x, so that a long rollout weighs its length.
 * verl's `seq-mean-token-sum` (`verl@v0.8.0 trainer/ppo/core_algos.py#L1138-L1200`), TRL's luspo.
 */
export const sequenceSum: Aggregate = (ops, x, mask, { sequences }) =>
  scale(ops, sumAll(ops, ops.mul(x, mask)), 1 / Math.max(sequences, 1))

import type { TensorOps } from '../ops/tensorOps.ts'
import { tokenMean } from './aggregate.ts'
import type { BatchTotals, TokenBatch } from './tokenBatch.ts'

/**
 * Cross-entropy of the given responses, one mean over all tokens of the batch: -1/N sum_i sum_t ln pi, [] in nats.
 * Micro-batches add up, as for the policy losses.
 */
export const supervisedLoss =
  <T>(ops: TensorOps<T>, totals: BatchTotals) =>
  ({ logprob, mask }: Pick<TokenBatch<T>, 'logprob' | 'mask'>): T =>
    ops.neg(tokenMean(ops, logprob, mask, totals))

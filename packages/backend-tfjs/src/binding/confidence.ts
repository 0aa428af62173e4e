import { ShapeError, scale, type ConfidenceKind, type Ids, type TensorOps, type TokenScores } from '@durian/core'

/**
 * Log-probs of chosen tokens and the entropy of each distribution, under log-softmax(logits / temperature).
 *
 * @param logits - [N, V]
 * @param ids - N token ids
 * @returns [N] each, nats; the log-probs are differentiable
 */
export const tokenLogprobs =
  <T>(ops: TensorOps<T>) =>
  (logits: T, ids: Ids, { temperature }: { readonly temperature: number }): TokenScores<T> =>
    ops.selectiveLogSoftmax(temperature === 1 ? logits : scale(ops, logits, 1 / temperature), ids)

/**
 * Confidence in each prompt: the mean over its rollouts of the sum (or mean) of their token log-probs.
 *
 *   L(Q_s) = 1/G sum_i sum_n log pi(o^n | I, Q, o^{<n})                                      (paper, eq. 14-15)
 *
 * @param logprobs - [B, G, T], nats; finite also where the mask is 0
 * @param mask - [B, G, T], 1 on a rollout's tokens; a rollout without any is left out of its prompt's mean
 * @returns [B], nats (nats a token for 'token-mean'); 0 for a prompt without rollouts
 */
export const confidences =
  <T>(ops: TensorOps<T>) =>
  (logprobs: T, mask: T, kind: ConfidenceKind): T => {
    const [prompts, , tokens, ...more] = ops.shape(logprobs)
    if (prompts === undefined || tokens === undefined || more.length > 0) {
      throw new ShapeError(`confidences: log-probs must be [B, G, T], got [${ops.shape(logprobs)}]`)
    }
    const one = ops.fromHost({ shape: [], data: [1] })
    const lengths = ops.sum(mask, 2) // [B, G, 1]
    const sums = ops.sum(ops.mul(logprobs, mask), 2)
    const rollouts = kind === 'sequence-sum' ? sums : ops.div(sums, ops.maximum(lengths, one))
    const counts = ops.sum(ops.minimum(lengths, one), 1) // [B, 1, 1]
    return ops.reshape(ops.div(ops.sum(rollouts, 1), ops.maximum(counts, one)), [prompts])
  }

import { mean, sum } from '../num/stats.ts'
import type { Vec } from '../num/vec.ts'

/** How a rollout's token log-probs become one number: their sum, as in the paper's eq. 14, or their mean, which ignores length. */
export type ConfidenceKind = 'sequence-sum' | 'token-mean'

/**
 * Confidence in one rollout.
 *
 *   L_{s,i} = sum_n log pi(o^n | I, Q, o^{<n})                  (paper, eq. 14; the "log" is missing there by a slip)
 *
 * @param logprobs - token log-probs, [T], T >= 1, nats
 * @returns nats, at most 0 for probabilities; nats per token for 'token-mean'
 * @throws RangeError for no tokens: an empty rollout has no confidence
 */
export const rolloutConfidence = (logprobs: Vec, kind: ConfidenceKind): number => {
  if (logprobs.length === 0) throw new RangeError('confidence of a rollout without tokens')
  switch (kind) {
    case 'sequence-sum':
      return sum(logprobs)
    case 'token-mean':
      return mean(logprobs)
  }
}

/**
 * Confidence in one prompt: the mean over its rollouts. High = confident = easy.
 *
 *   L(Q_s) = 1/G sum_i L_{s,i}                                                              (paper, eq. 15)
 *
 * @param rollouts - token log-probs of each rollout that has a reward, at least one, nats
 */
export const confidence = (rollouts: ReadonlyArray<Vec>, kind: ConfidenceKind): number => {
  if (rollouts.length === 0) throw new RangeError('confidence of a prompt without rollouts')
  return mean(rollouts.map((logprobs) => rolloutConfidence(logprobs, kind)))
}

import type { Vec } from '../num/vec.ts'
import { ShapeError } from '../ops/shape.ts'

/**
 * What a policy loss reads: one row a rollout, one column a completion token, [B, T] each (advantage may be [B, 1]).
 * Padding has mask 0 and any finite number elsewhere; only `logprob` (and `entropy`) carry gradients.
 */
export interface TokenBatch<T> {
  /** ln pi of each token under the policy being trained, nats. */
  readonly logprob: T
  /** ln pi of each token under the policy before the first update of the step, nats. */
  readonly oldLogprob: T
  readonly advantage: T
  /** 1 for a completion token, 0 for padding. */
  readonly mask: T
  /** ln pi of each token under the reference policy, nats; needed where the KL penalty has a weight. */
  readonly refLogprob?: T
  /** ln pi of each token as the program reported it that drew the tokens, nats, where that is another than the trainer. */
  readonly rolloutLogprob?: T
  /** Entropy of each token's distribution, nats; an entropy bonus trains only if it is differentiable. */
  readonly entropy?: T
}

/**
 * Sizes of the whole batch of one optimiser step. Every micro-batch divides by these and not by its own,
 * so that the losses (and gradients) of the micro-batches add up to those of the whole batch exactly.
 */
export interface BatchTotals {
  /** Rollouts of the batch; a rollout without tokens counts, a row added only to fill a micro-batch does not. */
  readonly sequences: number
  /** Completion tokens of the batch: the sum of all masks. */
  readonly tokens: number
}

/**
 * Totals where some rollouts do not count (truncated ones, ones without a reward), whose mask the caller has set to 0.
 *
 * @param counted - one for each rollout
 * @param uncounted - whether a rollout that does not count still stands in the number of sequences: `counted` in TRL
 *   (`mask_truncated_completions`), `left-out` in verl
 */
export const countedTotals = (
  lengths: Vec,
  counted: ReadonlyArray<boolean>,
  { uncounted }: { readonly uncounted: 'counted' | 'left-out' },
): BatchTotals => {
  if (counted.length !== lengths.length)
    throw new ShapeError(`${counted.length} verdicts for ${lengths.length} rollouts`)
  const kept = Array.from(lengths).filter((_, i) => counted[i])
  const { sequences, tokens } = batchTotals(kept)
  return { sequences: uncounted === 'counted' ? lengths.length : sequences, tokens }
}

/** Totals from the number of unmasked tokens of each rollout. */
export const batchTotals = (lengths: Vec): BatchTotals => {
  let tokens = 0
  for (let i = 0; i < lengths.length; i++) tokens += lengths[i]!
  return { sequences: lengths.length, tokens }
}

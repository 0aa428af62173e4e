import { quantiles } from '../num/quantile.ts'
import { mean } from '../num/stats.ts'
import type { Vec } from '../num/vec.ts'
import { ShapeError } from '../ops/shape.ts'
import { effectiveSampleShare } from './effectiveShare.ts'

/** Log-probs of the same tokens under two policies, one list a rollout, [N][T_i], nats. Only tokens that count: no padding. */
export interface TokenLogprobs {
  readonly logprobs: ReadonlyArray<Vec>
  /** Under the policy that drew the tokens, or the reference policy. */
  readonly oldLogprobs: ReadonlyArray<Vec>
}

/** How far a policy has moved from another, over the tokens of a batch; rho = pi / pi_old. */
export interface RatioSummary {
  readonly tokens: number
  /** Mean rho, no unit. Its expectation under the old policy is 1. Healthy: 0.95-1.05; exactly 1 on policy. */
  readonly mean: number
  /** Least and largest rho, and its 1 % and 99 % quantiles. Healthy: the quantiles within the clip range, mostly. */
  readonly min: number
  readonly max: number
  readonly quantiles: readonly [low: number, high: number]
  /** Mean |ln rho|, nats a token. TRL's `sampling_logp_difference/mean` where both are of one policy. Healthy: below 0.1. */
  readonly meanAbsLog: number
  /** Largest |ln rho|, nats. Of one policy read twice (sampled, then trained on), healthy is below 1e-3 in float32, 0.1 in bfloat16. */
  readonly maxAbsLog: number
  /** Effective share of the tokens with rho as weight: see `effectiveSampleShare`. Healthy: above 0.9. */
  readonly tokenShare: number
  /** The same over rollouts, with the product of a rollout's ratios as weight. Falls with length; below 0.1 a sequence weight is noise. */
  readonly sequenceShare: number
}

const logRatios = ({ logprobs, oldLogprobs }: TokenLogprobs): ReadonlyArray<Float64Array> => {
  if (logprobs.length !== oldLogprobs.length)
    throw new ShapeError(`${oldLogprobs.length} rollouts of old log-probs for ${logprobs.length} of new ones`)
  return logprobs.map((rollout, i) => {
    const old = oldLogprobs[i]!
    if (old.length !== rollout.length)
      throw new ShapeError(`rollout ${i} has ${rollout.length} tokens and ${old.length} old log-probs`)
    return Float64Array.from(rollout, (logprob, t) => logprob - old[t]!)
  })
}

/** All of one batch in one list. */
const flat = (rows: ReadonlyArray<Float64Array>): Float64Array => {
  const all = new Float64Array(rows.reduce((total, row) => total + row.length, 0))
  let at = 0
  for (const row of rows) {
    all.set(row, at)
    at += row.length
  }
  return all
}

/** exp(x), with x cut at 20 as the losses cut it. */
const ratioOf = (log: number): number => Math.exp(Math.min(Math.max(log, -20), 20))

/**
 * Statistics of the probability ratio on the host: see `RatioSummary`.
 *
 * @returns null for a batch without tokens
 * @throws ShapeError when the two do not fit
 */
export const ratioSummary = (tokens: TokenLogprobs): RatioSummary | null => {
  const rows = logRatios(tokens)
  const logs = flat(rows)
  if (logs.length === 0) return null
  const ratios = logs.map(ratioOf)
  const [min, low, high, max] = quantiles(ratios, [0, 0.01, 0.99, 1]) as unknown as [number, number, number, number]
  const sizes = logs.map(Math.abs)
  return {
    tokens: logs.length,
    mean: mean(ratios),
    min,
    max,
    quantiles: [low, high],
    meanAbsLog: mean(sizes),
    maxAbsLog: sizes.reduce((largest, size) => Math.max(largest, size), 0),
    tokenShare: effectiveSampleShare(ratios),
    sequenceShare: effectiveSampleShare(rows.map((row) => ratioOf(row.reduce((total, log) => total + log, 0)))),
  }
}

/** Shares of the batch's tokens, in [0, 1], where a clip takes the gradient away. */
export interface ClipFractions {
  /** rho < 1 - low and A < 0. TRL's `clip_ratio/low_mean`. Healthy: below 0.2 together with `high`; 0 throughout on policy. */
  readonly low: number
  /** rho > 1 + high and A > 0. TRL's `clip_ratio/high_mean`. */
  readonly high: number
  /** rho > dual and A < 0: EasyR1's and verl's `pg_clipfrac_lower`. Healthy: 0 or nearly; else the update runs away. */
  readonly dual: number
}

/**
 * Clip fractions on the host, of one advantage a rollout.
 *
 * @param range - the clip range of `clipped`; without `dual`, that share is 0
 * @returns all 0 for a batch without tokens
 * @throws ShapeError when log-probs and advantages do not fit
 */
export const clipFractions = (
  { advantages, ...tokens }: TokenLogprobs & { readonly advantages: Vec },
  { low, high, dual = Infinity }: { readonly low: number; readonly high: number; readonly dual?: number },
): ClipFractions => {
  const rows = logRatios(tokens)
  if (advantages.length !== rows.length)
    throw new ShapeError(`${advantages.length} advantages for ${rows.length} rollouts`)
  const counts = { low: 0, high: 0, dual: 0 }
  let total = 0
  rows.forEach((row, i) => {
    const advantage = advantages[i]!
    total += row.length
    for (const log of row) {
      const ratio = ratioOf(log)
      if (advantage < 0 && ratio < 1 - low) counts.low++
      if (advantage > 0 && ratio > 1 + high) counts.high++
      if (advantage < 0 && ratio > dual) counts.dual++
    }
  })
  const share = (count: number): number => (total === 0 ? 0 : count / total)
  return { low: share(counts.low), high: share(counts.high), dual: share(counts.dual) }
}

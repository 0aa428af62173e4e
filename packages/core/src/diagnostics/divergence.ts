import { tokenKl } from '../loss/klInReward.ts'
import { quantiles } from '../num/quantile.ts'
import { mean } from '../num/stats.ts'
import type { Vec } from '../num/vec.ts'
import { ShapeError } from '../ops/shape.ts'

/** Estimates of KL(pi || pi_ref) from the tokens that pi drew, nats a token, over all tokens of a batch. */
export interface KlSummary {
  /** Mean of -d, d = ln pi_ref - ln pi. Unbiased, may be negative. EasyR1's `ppo_kl` with the old policy in place of the reference. */
  readonly k1: number
  /** Mean of d^2 / 2. Its gradient is unbiased. */
  readonly k2: number
  /** Mean of e^d - d - 1. Unbiased, never negative. Healthy against a reference: 0.001-0.5 and flat; against the old policy: below 0.02. */
  readonly k3: number
  /** Largest |d|, nats. Healthy: below 5; one token of 10 doubles the k3 of 20,000 others. */
  readonly max: number
}

const checkRows = (rows: ReadonlyArray<Vec>, others: ReadonlyArray<Vec>): void => {
  if (rows.length !== others.length)
    throw new ShapeError(`${others.length} rollouts of the reference for ${rows.length}`)
}

/**
 * KL estimates of a batch on the host: see `KlSummary`.
 *
 * @param logprobs - ln pi, [N][T_i], tokens that count
 * @param refLogprobs - ln pi_ref of the same tokens
 * @returns null for a batch without tokens
 * @throws ShapeError when the two do not fit
 */
export const klSummary = (logprobs: ReadonlyArray<Vec>, refLogprobs: ReadonlyArray<Vec>): KlSummary | null => {
  checkRows(logprobs, refLogprobs)
  const all = (estimator: 'k1' | 'k2' | 'k3' | 'abs'): Float64Array =>
    Float64Array.from(logprobs.flatMap((row, i) => Array.from(tokenKl(row, refLogprobs[i]!, { estimator }))))
  const sizes = all('abs')
  if (sizes.length === 0) return null
  return {
    k1: mean(all('k1')),
    k2: mean(all('k2')),
    k3: mean(all('k3')),
    max: sizes.reduce((largest, size) => Math.max(largest, size), 0),
  }
}

/** How undecided a policy is, over the tokens of a batch, nats. */
export interface EntropySummary {
  readonly tokens: number
  /** Mean over tokens. TRL's `entropy`. Healthy: falling slowly, and above about 0.1; near 0 nothing new is tried, and rising is noise. */
  readonly mean: number
  /** 10 %, 50 %, 80 % and 90 % quantiles. The fifth above the 80 % quantile is where Wang et al. (2025) find nearly all of the learning. */
  readonly quantiles: readonly [number, number, number, number]
  /** Share of tokens below 0.01 nats, in [0, 1]: decided before they are drawn. Healthy: below 0.9. */
  readonly decided: number
}

/**
 * Entropies of the tokens' distributions on the host: see `EntropySummary`.
 *
 * @param entropies - [N][T_i], tokens that count, nats, >= 0
 * @returns null for a batch without tokens
 */
export const entropySummary = (entropies: ReadonlyArray<Vec>): EntropySummary | null => {
  const all = entropies.flatMap((row) => Array.from(row))
  if (all.length === 0) return null
  return {
    tokens: all.length,
    mean: mean(all),
    quantiles: Array.from(quantiles(all, [0.1, 0.5, 0.8, 0.9])) as [number, number, number, number],
    decided: all.filter((entropy) => entropy < 0.01).length / all.length,
  }
}

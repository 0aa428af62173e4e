import type { Centre } from './centre.ts'
import type { AdvantageEstimator, Advantages, RewardGroups } from './rewards.ts'
import { divisor, type Spread, type StdOptions } from './spread.ts'

/** An estimator in two choices: what of a reward counts, and what it is divided by. */
export interface Composition {
  /** Makes one reward of several, before anything else; the reward as it is if left out. */
  readonly scores?: (rewards: RewardGroups) => RewardGroups
  readonly centre: Centre
  /** null divides by nothing. */
  readonly spread: Spread | null
}

/**
 * Advantages of a composition.
 *
 *   A[s,i] = centre(r)[s,i] / (max(spread(r)[s], floor) + epsilon)
 *
 * Durian is a composition like the others: any centre, with the spread of a difficulty bucket (paper, eq. 13 and 19).
 *
 * @returns [B][G_s]; exactly 0 where the spread is 0, null exactly where the reward is
 */
export const composed =
  ({ scores, centre, spread }: Composition, options: StdOptions): AdvantageEstimator =>
  (rewards) => {
    const values = scores === undefined ? rewards : scores(rewards)
    const numerators = centre(values)
    return spread === null ? numerators : scaled(numerators, spread(values, numerators), options)
  }

/** Numerators over their group's divisor; exactly 0 where the spread is 0. */
export const scaled = (numerators: Advantages, spreads: ReadonlyArray<number>, options: StdOptions): Advantages =>
  numerators.map((group, s) => {
    const spread = spreads[s]!
    const by = divisor(spread, options)
    const out = group.slice()
    for (let i = 0; i < out.length; i++) {
      const numerator = out[i]!
      if (numerator !== null) out[i] = spread === 0 ? 0 : numerator / by
    }
    return out
  })

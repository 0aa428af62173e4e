import { type Advantages, centreOnly, type RewardGroups } from '../durian/advantage.ts'
import { quantile } from '../num/quantile.ts'
import { sum } from '../num/stats.ts'
import { ShapeError } from '../ops/shape.ts'
import { effectiveSampleShare } from './effectiveShare.ts'

/**
 * How hard each prompt pulls on the update: the sum of its absolute advantages.
 *
 *   m_s = sum_i |A[s,i]|
 *
 * @returns [B], in the advantages' unit; 0 for a group without a gradient
 */
export const updateMasses = (advantages: Advantages): Float64Array =>
  Float64Array.from(advantages, (group) => sum(group.map((advantage) => Math.abs(advantage ?? 0))))

/**
 * Share of the update's mass by label: a group's kind, its bucket, anything.
 *
 *   share(x) = sum_{s labelled x} m_s / sum_s m_s
 *
 * @param labels - [B]
 * @returns shares in [0, 1] that sum to 1, labels in order of appearance; all 0 when no group has a gradient.
 *   Healthy: near the label's share of the prompts that have a gradient (`unscored` and constant groups have 0).
 * @throws ShapeError when the lengths differ
 */
export const massShares = <L extends string | number>(
  advantages: Advantages,
  labels: ReadonlyArray<L>,
): ReadonlyMap<L, number> => {
  if (labels.length !== advantages.length)
    throw new ShapeError(`${labels.length} labels for ${advantages.length} groups of advantages`)
  const masses = updateMasses(advantages)
  const total = sum(masses)
  const shares = new Map<L, number>()
  labels.forEach((label, s) => shares.set(label, (shares.get(label) ?? 0) + (total > 0 ? masses[s]! / total : 0)))
  return shares
}

/**
 * Effective share of the batch's prompts: how many equal prompts would spread the update as evenly (Kish), as a share of the batch.
 *
 *   (sum_s m_s)^2 / (B sum_s m_s^2)
 *
 * @returns in [0, 1]: 1 when all prompts weigh the same, 1/B when one prompt is everything, 0 when none has a gradient.
 *   Healthy: close to the share of prompts with a gradient; well below it, few prompts dominate.
 */
export const effectiveShare = (advantages: Advantages): number => effectiveSampleShare(updateMasses(advantages))

/**
 * What the estimator multiplies each prompt's centred rewards by.
 *
 *   gain_s = sum_i |A[s,i]| / sum_i |r[s,i] - mean r[s,.]|
 *
 * @returns [B], 1 / reward units; null for a group without spread. Under GRPO it is 1 / (std_s + epsilon), so one format slip among right
 *   answers gains ten times what one wrong answer does. Healthy: the largest within a few times the median (`gainRatio`).
 * @throws ShapeError when the lengths differ
 */
export const gains = (rewards: RewardGroups, advantages: Advantages): ReadonlyArray<number | null> => {
  if (rewards.length !== advantages.length)
    throw new ShapeError(`${rewards.length} groups of rewards for ${advantages.length} groups of advantages`)
  const masses = updateMasses(advantages)
  return Array.from(updateMasses(centreOnly(rewards)), (centred, s) => (centred > 0 ? masses[s]! / centred : null))
}

/** Largest gain over the median gain of the prompts with a gradient; 1 when all share one scale, 0 when there are none. */
export const gainRatio = (rewards: RewardGroups, advantages: Advantages): number => {
  const known = gains(rewards, advantages).filter((gain) => gain !== null && gain > 0) as ReadonlyArray<number>
  return known.length === 0 ? 0 : known.reduce((high, gain) => Math.max(high, gain), 0) / quantile(known, 0.5)
}

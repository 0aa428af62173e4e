import { sum } from '../num/stats.ts'
import type { Vec } from '../num/vec.ts'

/**
 * Effective share of weighted samples: how many samples of equal weight would give as even a mean (Kish), as a share of all.
 *
 *   ESS / n = (sum_i w_i)^2 / (n sum_i w_i^2)
 *
 * @param weights - [n], >= 0: importance weights, ratios, masses
 * @returns in [0, 1], no unit: 1 when all weights are equal, 1/n when one is everything, 0 when all are 0 or there are none.
 *   Healthy for importance weights: above 0.9 on policy, above 0.5 with stale rollouts; below 0.1 a few samples make the gradient.
 */
export const effectiveSampleShare = (weights: Vec): number => {
  let largest = 0
  for (let i = 0; i < weights.length; i++) largest = Math.max(largest, weights[i]!)
  if (largest === 0) return 0
  const relative = Float64Array.from(weights, (weight) => weight / largest) // squares of tiny weights would vanish
  return sum(relative) ** 2 / (relative.length * sum(relative.map((weight) => weight * weight)))
}

import { sum } from '../num/stats.ts'
import type { Vec } from '../num/vec.ts'

/**
 * Entropy of a spectrum.
 *
 *   p_k = lambda_k / sum lambda,  H = -sum_k p_k ln p_k                                      (paper, eq. 8-9)
 *
 * @param eigenvalues - lambda, [D], any order; rounding's tiny negatives count as 0, and 0 ln 0 = 0
 * @returns H, nats, in [0, ln D]; 0 where nothing is positive
 */
export const spectralEntropy = (eigenvalues: Vec): number => {
  const lambda = Float64Array.from(eigenvalues, (value) => Math.max(value, 0))
  const total = sum(lambda)
  const terms = lambda.map((value) => {
    const p = value / total // NaN where nothing is positive
    return p > 0 ? -p * Math.log(p) : 0
  })
  return sum(terms)
}

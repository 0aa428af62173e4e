import type { Vec } from './vec.ts'

/** Delta degrees of freedom of a standard deviation: 1 for the sample's (Bessel), 0 for the population's. */
export type Ddof = 0 | 1

/**
 * Sum in float64 with Neumaier's compensation, so that the order of a batch moves the result by at most one rounding.
 *
 * @returns 0 for no numbers
 */
export const sum = (x: Vec): number => {
  let total = 0
  let lost = 0
  for (let i = 0; i < x.length; i++) {
    const term = x[i]!
    const next = total + term
    lost += Math.abs(total) >= Math.abs(term) ? total - next + term : term - next + total
    total = next
  }
  return total + lost
}

/**
 * Arithmetic mean.
 *
 * @returns NaN for no numbers, as NumPy does
 */
export const mean = (x: Vec): number => sum(x) / x.length

/**
 * Whether all numbers are the same: max === min, tested on the numbers themselves and not on a computed spread.
 * A std of seven times 0.9 is 1e-16 and not 0, and 1e-16 / (1e-16 + epsilon) is how phantom advantages are born.
 *
 * @returns true for no numbers and for one
 */
export const isConstant = (x: Vec): boolean => {
  for (let i = 1; i < x.length; i++) if (x[i] !== x[0]) return false
  return true
}

/**
 * Standard deviation about the mean, in two passes.
 *
 *   sqrt(sum_i (x_i - mean)^2 / (n - ddof))
 *
 * @returns exactly 0 where all numbers are the same and where n <= ddof
 */
export const std = (x: Vec, { ddof }: { readonly ddof: Ddof }): number => {
  if (isConstant(x)) return 0 // none and one are constant too, so that n > ddof below
  const centre = mean(x)
  // In units of the largest deviation, so that squares neither overflow nor vanish.
  let unit = 0
  for (let i = 0; i < x.length; i++) unit = Math.max(unit, Math.abs(x[i]! - centre))
  const squares = new Float64Array(x.length)
  for (let i = 0; i < squares.length; i++) {
    const relative = (x[i]! - centre) / unit
    squares[i] = relative * relative
  }
  return unit * Math.sqrt(sum(squares) / (x.length - ddof))
}

/**
 * Mean with weights that count repetitions: sum_i w_i x_i / sum_i w_i.
 *
 * @returns NaN where no weight is positive
 */
export const weightedMean = (x: Vec, weights: Vec): number => {
  const terms = new Float64Array(x.length)
  for (let i = 0; i < terms.length; i++) terms[i] = weights[i]! * x[i]!
  return sum(terms) / sum(weights)
}

/**
 * Standard deviation with weights that count repetitions: that of each x_i written down w_i times.
 *
 *   sqrt(sum_i w_i (x_i - mean)^2 / (sum_i w_i - ddof))
 *
 * @returns exactly 0 where all numbers of positive weight are the same and where sum_i w_i <= ddof
 */
export const weightedStd = (x: Vec, weights: Vec, { ddof }: { readonly ddof: Ddof }): number => {
  const total = sum(weights)
  const counted = Array.from(x).filter((_, i) => weights[i]! > 0)
  if (total <= ddof || isConstant(counted)) return 0
  const centre = weightedMean(x, weights)
  const squares = Float64Array.from(x, (value, i) => weights[i]! * (value - centre) ** 2)
  return Math.sqrt(sum(squares) / (total - ddof))
}

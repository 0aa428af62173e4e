import type { Vec } from './vec.ts'

/**
 * Quantiles with linear interpolation between order statistics: NumPy's and PyTorch's default, to the last bit of NumPy's
 * (the interpolation runs from the nearer neighbour), because bucket edges are compared with `<=` and ties must fall as theirs do.
 *
 * @param x - [n], n >= 1, finite
 * @param at - fractions in [0, 1]
 * @returns one value for each fraction; x[0] for n = 1
 * @throws RangeError for no numbers, or a fraction outside [0, 1]
 */
export const quantiles = (x: Vec, at: Vec): Float64Array => {
  if (x.length === 0) throw new RangeError('quantiles of no numbers')
  const sorted = Float64Array.from(x).sort()
  return Float64Array.from(at, (fraction) => {
    if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`quantile ${fraction} is outside [0, 1]`)
    const position = fraction * (sorted.length - 1)
    const below = Math.floor(position)
    const low = sorted[below]!
    const high = sorted[Math.min(below + 1, sorted.length - 1)]!
    const part = position - below
    return part >= 0.5 ? high - (high - low) * (1 - part) : low + (high - low) * part
  })
}

/** One quantile: see `quantiles`. */
export const quantile = (x: Vec, fraction: number): number => quantiles(x, [fraction])[0]!

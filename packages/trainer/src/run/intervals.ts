import { mean, quantiles, randomInts, streams } from '@durian/core'

export interface BootstrapOptions {
  /** Key of the resampling: same seed, same interval. */
  readonly seed: number
  /** Default 2000. */
  readonly resamples?: number
  /** Share of resamples inside the interval, default 0.95. */
  readonly level?: number
}

/** An estimate with its percentile bootstrap interval. */
export interface Estimate {
  readonly mean: number
  readonly interval: readonly [low: number, high: number]
}

/**
 * Mean with a percentile bootstrap interval: rows are drawn with replacement, and the interval holds the middle `level` of the means.
 *
 * @param values - one per row, [n], n >= 1
 * @returns a point interval where all values are equal
 * @throws RangeError for no values
 */
export const bootstrapInterval = (
  values: ReadonlyArray<number>,
  { seed, resamples = 2000, level = 0.95 }: BootstrapOptions,
): Estimate => {
  const n = values.length
  if (n === 0) throw new RangeError('an interval needs at least one value')
  const means = new Float64Array(resamples)
  for (let b = 0; b < resamples; b++) {
    const rows = randomInts({ seed, stream: streams.bootstrap, index: b }, n, n)
    let total = 0
    for (let i = 0; i < n; i++) total += values[rows[i]!]!
    means[b] = total / n
  }
  const tail = (1 - level) / 2
  const [low, high] = quantiles(means, [tail, 1 - tail])
  return { mean: mean(values), interval: [low!, high!] }
}

/**
 * Mean of after - before over the same rows, with its interval: rows are resampled in pairs, so what makes a row hard for both cancels.
 *
 * @throws RangeError when the lengths differ or are 0
 */
export const pairedDifference = (
  before: ReadonlyArray<number>,
  after: ReadonlyArray<number>,
  options: BootstrapOptions,
): Estimate => {
  if (before.length !== after.length) {
    throw new RangeError(`paired rows differ in number: ${before.length} before, ${after.length} after`)
  }
  return bootstrapInterval(
    after.map((value, i) => value - before[i]!),
    options,
  )
}

import { quantile } from '@durian/core'

/** How the samples of one timing are told. All in milliseconds. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly min: number
}

/**
 * Median, quartiles and minimum of samples.
 *
 * @throws RangeError when there are no samples
 */
export const spreadOf = (samples: ReadonlyArray<number>): Spread => {
  if (samples.length === 0) throw new RangeError('a timing without samples')
  return {
    median: quantile(samples, 0.5),
    low: quantile(samples, 0.25),
    high: quantile(samples, 0.75),
    min: Math.min(...samples),
  }
}

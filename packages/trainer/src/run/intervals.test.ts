import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bootstrapInterval, pairedDifference } from './intervals.ts'

const coins = (ones: number, n: number): ReadonlyArray<number> =>
  Array.from({ length: n }, (_, i) => (i < ones ? 1 : 0))

describe('bootstrapInterval', () => {
  it('is about 1.96 standard errors on either side for a share of many rows', () => {
    const { mean, interval } = bootstrapInterval(coins(300, 500), { seed: 1 })
    const error = Math.sqrt((0.6 * 0.4) / 500)
    expect(mean).toBe(0.6)
    expect(Math.abs(interval[0] - (0.6 - 1.96 * error))).toBeLessThan(0.005)
    expect(Math.abs(interval[1] - (0.6 + 1.96 * error))).toBeLessThan(0.005)
  })
  it('is a point where all values are equal, and the same for the same seed', () => {
    expect(bootstrapInterval([1, 1, 1], { seed: 3 }).interval).toEqual([1, 1])
    const values = coins(5, 40)
    expect(bootstrapInterval(values, { seed: 3 })).toEqual(bootstrapInterval(values, { seed: 3 }))
    expect(bootstrapInterval(values, { seed: 3, resamples: 50 })).not.toEqual(
      bootstrapInterval(values, { seed: 4, resamples: 50 }),
    )
    expect(() => bootstrapInterval([], { seed: 1 })).toThrow(RangeError)
  })
  it('property: holds the mean, and shifts and scales with the values', () => {
    const values = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(values, (xs) => {
        const options = { seed: 5, resamples: 200 }
        const { mean, interval } = bootstrapInterval(xs, options)
        expect(interval[0]).toBeLessThanOrEqual(interval[1])
        const moved = bootstrapInterval(
          xs.map((x) => 2 * x + 3),
          options,
        )
        expect(moved.mean).toBeCloseTo(2 * mean + 3, 10)
        expect(moved.interval[0]).toBeCloseTo(2 * interval[0] + 3, 10)
        expect(moved.interval[1]).toBeCloseTo(2 * interval[1] + 3, 10)
      }),
      { seed: 6, numRuns: 60 },
    )
  })
})

describe('pairedDifference', () => {
  it('is a point when every row moved by the same, however different the rows are', () => {
    expect(pairedDifference([0, 0, 1, 5], [1, 1, 2, 6], { seed: 1 })).toEqual({ mean: 1, interval: [1, 1] })
  })
  it('is narrower than unpaired rows would be', () => {
    const before = coins(200, 400)
    const after = coins(220, 400)
    const { interval } = pairedDifference(before, after, { seed: 1 })
    expect(interval[0]).toBeGreaterThan(0.025)
    expect(interval[1]).toBeLessThan(0.075)
  })
  it('refuses rows that are not the same rows', () => {
    expect(() => pairedDifference([1], [1, 0], { seed: 1 })).toThrow('1 before, 2 after')
  })
})

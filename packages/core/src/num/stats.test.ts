import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isConstant, mean, std, sum, weightedMean, weightedStd } from './stats.ts'

const seed = 11
/** Multiples of 2^-6: sums of a few of them are exact. */
const dyadic = fc.integer({ min: -256, max: 256 }).map((i) => i / 64)

describe('sum', () => {
  it('keeps what a plain sum loses', () => {
    expect(sum([1, 1e100, 1, -1e100])).toBe(2)
    expect(sum([])).toBe(0)
  })

  it('property: does not depend on order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true })), (x) => {
        expect(Math.abs(sum(x) - sum([...x].reverse()))).toBeLessThanOrEqual(1e-15 * sum(x.map(Math.abs)))
      }),
      { seed },
    )
  })
})

describe('std', () => {
  it('divides by n - ddof', () => {
    expect(std([1, 3], { ddof: 0 })).toBe(1)
    expect(std([1, 3], { ddof: 1 })).toBeCloseTo(Math.SQRT2, 15)
  })

  it('is exactly 0 for equal numbers whose mean rounds, for one number, and for none', () => {
    const equal = new Array<number>(7).fill(0.9)
    expect(equal.reduce((a, b) => a + b) / 7).not.toBe(0.9) // the plain mean rounds: that is the trap
    expect(std(equal, { ddof: 1 })).toBe(0)
    expect(std([5], { ddof: 1 })).toBe(0)
    expect(std([], { ddof: 0 })).toBe(0)
  })

  it('neither overflows nor vanishes', () => {
    expect(std([0, 2e200], { ddof: 0 })).toBeCloseTo(1e200, -187)
    expect(std([0, 2e-200], { ddof: 0 }) / 1e-200).toBeCloseTo(1, 14)
  })

  it('is positive as soon as two numbers differ in the last bit', () => {
    expect(std([1, 1 + Number.EPSILON, 1, 1], { ddof: 1 })).toBeGreaterThan(0)
  })

  it('property: ignores a shift, follows a scale', () => {
    fc.assert(
      fc.property(
        fc.array(dyadic, { minLength: 2 }),
        dyadic,
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        (x, c, k) => {
          const spread = std(x, { ddof: 1 })
          expect(
            std(
              x.map((v) => v + c),
              { ddof: 1 },
            ),
          ).toBeCloseTo(spread, 12)
          expect(
            std(
              x.map((v) => v * k),
              { ddof: 1 },
            ),
          ).toBeCloseTo(spread * k, 11)
        },
      ),
      { seed },
    )
  })
})

describe('mean and isConstant', () => {
  it('mean of no numbers is NaN, of four small ones what one does in the head', () => {
    expect(mean([])).toBeNaN()
    expect(mean([1, 2, 3, 6])).toBe(3)
  })

  it('isConstant compares the numbers, not their spread', () => {
    expect(isConstant([0.1, 0.1, 0.1])).toBe(true)
    expect(isConstant([0.1, 0.1, 0.1 + 2 ** -56])).toBe(false)
    expect(isConstant([])).toBe(true)
  })
})

describe('weighted statistics', () => {
  it('count repetitions: 1 once and 4 twice have mean 3', () => {
    expect(weightedMean([1, 4], [1, 2])).toBe(3)
    expect(weightedStd([1, 4], [1, 2], { ddof: 0 })).toBeCloseTo(Math.SQRT2, 15)
    expect(weightedStd([1, 4], [1, 2], { ddof: 1 })).toBeCloseTo(Math.sqrt(3), 15)
  })

  it('are exactly 0 in spread for equal numbers, for numbers of weight 0 beside one, and for too little weight', () => {
    expect(weightedStd(new Array<number>(7).fill(0.9), [1, 2, 3, 4, 5, 6, 7], { ddof: 1 })).toBe(0)
    expect(weightedStd([5, ...new Array<number>(6).fill(0.9)], [0, 1, 2, 3, 4, 5, 6], { ddof: 1 })).toBe(0) // mean 0.9 + 1e-16
    expect(weightedStd([1, 2], [0.5, 0.5], { ddof: 1 })).toBe(0)
    expect(weightedStd([], [], { ddof: 0 })).toBe(0)
  })

  it('property: equal those of the numbers written out', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(dyadic, fc.integer({ min: 0, max: 4 })), { minLength: 1 }), (pairs) => {
        const [x, weights] = [pairs.map(([value]) => value), pairs.map(([, weight]) => weight)]
        const written = pairs.flatMap(([value, weight]) => new Array<number>(weight).fill(value))
        fc.pre(written.length > 0)
        expect(weightedMean(x, weights)).toBeCloseTo(mean(written), 12)
        expect(weightedStd(x, weights, { ddof: 1 })).toBeCloseTo(std(written, { ddof: 1 }), 12)
      }),
      { seed },
    )
  })
})

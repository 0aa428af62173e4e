import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quantile, quantiles } from './quantile.ts'

describe('quantiles', () => {
  it('interpolates between order statistics', () => {
    expect(Array.from(quantiles([30, 10, 20], [0, 0.25, 0.5, 0.75, 1]))).toEqual([10, 15, 20, 25, 30])
    expect(quantile([7], 0.3)).toBe(7)
  })

  it('sorts by size and not as text', () => {
    expect(quantile([9, 10, 100], 0.5)).toBe(10)
  })

  it('interpolates from the nearer neighbour, as NumPy does: 0.52 from below would be 0.5199999999999999 from above', () => {
    expect(0.1 + (0.7 - 0.1) * 0.7).toBe(0.52)
    expect(quantile([0.1, 0.7], 0.7)).toBe(0.5199999999999999)
    expect(quantile([0.015, 105 / 97], 0.5)).toBe(105 / 97 - (105 / 97 - 0.015) / 2) // from below a bit more
  })

  it('refuses no numbers and fractions outside [0, 1]', () => {
    expect(() => quantiles([], [0.5])).toThrow(new RangeError('quantiles of no numbers'))
    for (const fraction of [-0.01, 1.01, NaN])
      expect(() => quantiles([1], [fraction])).toThrow(new RangeError(`quantile ${fraction} is outside [0, 1]`))
  })

  it('property: stays within the numbers, grows with the fraction, ignores order, and leaves its input alone', () => {
    const numbers = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1 })
    const fraction = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(numbers, fraction, fraction, (x, p, q) => {
        const before = [...x]
        const [low, high] = [quantile(x, Math.min(p, q)), quantile(x, Math.max(p, q))]
        expect(low).toBeLessThanOrEqual(high + 1e-12)
        expect(low).toBeGreaterThanOrEqual(Math.min(...x))
        expect(high).toBeLessThanOrEqual(Math.max(...x))
        expect(quantile([...x].reverse(), p)).toBe(quantile(x, p))
        expect(x).toEqual(before)
      }),
      { seed: 12 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { erf } from './erf.ts'

describe('erf', () => {
  // Abramowitz and Stegun, table 7.1, and DLMF 7.2 to more digits.
  it.each([
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
  ])('golden: erf(%d) has its tabulated value', (x, expected) => {
    expect(Math.abs(erf(x) - expected)).toBeLessThan(1e-15)
  })

  it('ends at one on both sides and passes NaN on', () => {
    expect(erf(7)).toBe(1)
    expect(erf(-Infinity)).toBe(-1)
    expect(erf(NaN)).toBeNaN()
  })

  it('property: is odd and grows', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 5, noNaN: true }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        (x, step) => {
          expect(erf(-x) + erf(x)).toBe(0)
          expect(erf(x + step)).toBeGreaterThanOrEqual(erf(x))
        },
      ),
      { seed: 1 },
    )
  })

  it('property: its slope is 2/sqrt(pi) e^(-x^2), across the change of method at 2.5 too', () => {
    fc.assert(
      fc.property(fc.double({ min: -4, max: 4, noNaN: true }), (x) => {
        const slope = (erf(x + 1e-5) - erf(x - 1e-5)) / 2e-5
        expect(Math.abs(slope - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x))).toBeLessThan(2e-10)
      }),
      { seed: 2, examples: [[2.5], [-2.5]] },
    )
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { majorityAccuracy, passAtK } from './passAtK.ts'

describe('passAtK', () => {
  it('is c/n for one draw, and 1 - 1/6 for two draws of four with two right', () => {
    expect(passAtK({ n: 8, c: 2, k: 1 })).toBeCloseTo(0.25, 12)
    expect(passAtK({ n: 4, c: 2, k: 2 })).toBeCloseTo(5 / 6, 12)
  })

  it('property: rises with k and with c, and is 1 once fewer than k are wrong', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(20), fc.integer({ min: 1, max: 19 }), (n, c0, k0) => {
        const c = Math.min(c0, n - 1)
        const k = Math.min(k0, n - 1)
        expect(passAtK({ n, c, k: k + 1 })).toBeGreaterThanOrEqual(passAtK({ n, c, k }) - 1e-12)
        expect(passAtK({ n, c: c + 1, k })).toBeGreaterThanOrEqual(passAtK({ n, c, k }) - 1e-12)
        expect(passAtK({ n, c: n - k + 1, k })).toBe(1)
      }),
      { seed: 1 },
    )
  })

  it('refuses k above n', () => {
    expect(() => passAtK({ n: 4, c: 1, k: 5 })).toThrow(RangeError)
  })
})

describe('majorityAccuracy', () => {
  const vote = (answer: string | null, right = false) => ({ answer, right })

  it('asks the most frequent answer, not the most frequent verdict', () => {
    expect(majorityAccuracy([vote('4', true), vote('4', true), vote('5'), vote('6'), vote('7')])).toBe(1)
    expect(majorityAccuracy([vote('4', true), vote('5'), vote('5')])).toBe(0)
  })

  it('shares a tie, and lets completions without an answer stay out', () => {
    expect(majorityAccuracy([vote('4', true), vote('5'), vote(null), vote(null)])).toBe(0.5)
    expect(majorityAccuracy([vote(null)])).toBe(0)
  })
})

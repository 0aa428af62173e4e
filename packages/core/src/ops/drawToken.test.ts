import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawToken, type DrawOptions } from './drawToken.ts'

const all: DrawOptions = { temperature: 1, topP: 1, topK: 0, banned: new Set() }
/** Logits of probabilities 0.1, 0.4, 0.2, 0.3. */
const logits = [0.1, 0.4, 0.2, 0.3].map((p) => Math.log(p) + 5)

const logitRow = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 12 })
const unit = fc.double({ min: 0, max: 1 - 2 ** -53, noNaN: true })
const settings = { seed: 11, numRuns: 300 }

describe('drawToken', () => {
  it('inverts the cumulative distribution in order of ids', () => {
    const drawn = [0, 0.09, 0.11, 0.49, 0.51, 0.69, 0.71, 0.99].map((u) => drawToken(all)(logits, u).token)
    expect(drawn).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
    expect(drawToken(all)(logits, 0.2)).toMatchObject({ excludedMass: 0 })
    expect(drawToken(all)(logits, 0.2).logprob).toBeCloseTo(Math.log(0.4), 12)
  })

  it('restricts the draw, not the log-prob, and reports the mass shut out', () => {
    const banned = drawToken({ ...all, banned: new Set([1]) })(logits, 0.999)
    expect(banned.token).toBe(3)
    expect(banned.logprob).toBeCloseTo(Math.log(0.3), 12)
    expect(banned.excludedMass).toBeCloseTo(0.4, 12)
    const two = { ...all, topK: 2 }
    expect([0, 0.56, 0.58, 0.99].map((u) => drawToken(two)(logits, u).token)).toEqual([1, 1, 3, 3]) // 0.4 : 0.3
    expect(drawToken(two)(logits, 0).excludedMass).toBeCloseTo(0.3, 12)
    const nucleus = { ...all, topP: 0.75 } // 0.4 + 0.3 < 0.75: a third token is needed
    expect(new Set([0, 0.2, 0.5, 0.7, 0.99].map((u) => drawToken(nucleus)(logits, u).token))).toEqual(
      new Set([1, 2, 3]),
    )
    expect(drawToken({ ...all, topP: 0.4 })(logits, 0.99).token).toBe(1)
  })

  it('keeps ties of the k-th token', () => {
    expect(drawToken({ ...all, topK: 1 })([0, 1, 1], 0.99).token).toBe(2)
  })

  it('takes top-p of what bans and top-k left', () => {
    // without 1: 0.1, 0.2, 0.3 -> 1/6, 1/3, 1/2; half the mass is token 3 alone
    expect(drawToken({ ...all, banned: new Set([1]), topP: 0.49 })(logits, 0).token).toBe(3)
  })

  it('is greedy at temperature 0: the likeliest allowed token, the first of equals, with the log-prob of temperature 1', () => {
    const greedy = { ...all, temperature: 0 }
    expect(drawToken(greedy)([1, 3, 3, 2], 0.9).token).toBe(1)
    const drawn = drawToken({ ...greedy, banned: new Set([1]) })(logits, 0)
    expect(drawn.token).toBe(3)
    expect(drawn.logprob).toBeCloseTo(Math.log(0.3), 12)
    expect(drawn.excludedMass).toBeCloseTo(0.4, 12)
  })

  it('refuses to draw when every token is banned', () => {
    expect(() => drawToken({ ...all, banned: new Set([0, 1]) })([1, 2], 0)).toThrow('all 2 tokens are banned')
  })

  it('gives NaN for logits that are not numbers', () => {
    expect(drawToken(all)([1, NaN, 2], 0.5).logprob).toBeNaN()
  })

  it('property: only allowed tokens of non-zero probability are drawn, for any options', () => {
    const options = fc.record({
      temperature: fc.constantFrom(0, 0.3, 1, 2),
      topP: fc.double({ min: 0.05, max: 1, noNaN: true }),
      topK: fc.nat({ max: 5 }),
    })
    fc.assert(
      fc.property(logitRow, unit, options, fc.nat(), (row, u, chosen, ban) => {
        const banned = new Set([ban % row.length])
        const { token, logprob, excludedMass } = drawToken({ ...chosen, banned })(row, u)
        expect(banned.has(token)).toBe(false)
        expect(Number.isFinite(logprob)).toBe(true)
        expect(excludedMass).toBeGreaterThanOrEqual(0)
        expect(excludedMass).toBeLessThanOrEqual(1)
      }),
      settings,
    )
  })

  it('property: adding a constant to all logits changes nothing', () => {
    fc.assert(
      fc.property(logitRow, unit, fc.integer({ min: -50, max: 50 }), (row, u, offset) => {
        const moved = drawToken(all)(
          row.map((x) => x + offset),
          u,
        )
        const still = drawToken(all)(row, u)
        // a draw within rounding of an edge may fall on either side: then the log-probs need not agree
        if (moved.token === still.token) expect(moved.logprob).toBeCloseTo(still.logprob, 9)
      }),
      settings,
    )
  })

  it('property: temperature divides the logits', () => {
    fc.assert(
      fc.property(logitRow, unit, (row, u) => {
        const cooled = drawToken({ ...all, temperature: 0.5 })(row, u)
        const scaled = drawToken(all)(
          row.map((x) => x * 2),
          u,
        )
        expect(cooled.token).toBe(scaled.token)
        expect(cooled.logprob).toBeCloseTo(scaled.logprob, 9)
      }),
      settings,
    )
  })

  it('property: over evenly spread uniforms each token is drawn in proportion to its probability', () => {
    const draws = Array.from(
      { length: 2000 },
      (_, i) => drawToken({ ...all, temperature: 0.8 })(logits, (i + 0.5) / 2000).token,
    )
    const weights = logits.map((x) => Math.exp(x / 0.8))
    const total = weights.reduce((a, b) => a + b)
    weights.forEach((weight, token) => {
      expect(draws.filter((drawn) => drawn === token).length / 2000).toBeCloseTo(weight / total, 3)
    })
  })
})

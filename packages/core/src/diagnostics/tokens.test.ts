import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clipped } from '../loss/surrogate.ts'
import { policyLoss } from '../loss/policyLoss.ts'
import { batchOf } from '../loss/testBatch.ts'
import { tokenMean } from '../loss/aggregate.ts'
import { batchTotals } from '../loss/tokenBatch.ts'
import { referenceOps as ops } from '../ops/reference.ts'
import { entropySummary, klSummary } from './divergence.ts'
import { effectiveSampleShare } from './effectiveShare.ts'
import { clipFractions, ratioSummary } from './ratio.ts'

const seed = 33
const ln = Math.log

describe('effectiveSampleShare', () => {
  it('is 1 for equal weights, 1/n for a single one, (1 + 3)^2 / (2 * 10) for 1 and 3', () => {
    expect(effectiveSampleShare([2, 2, 2])).toBe(1)
    expect(effectiveSampleShare([0, 5, 0, 0])).toBe(0.25)
    expect(effectiveSampleShare([1, 3])).toBeCloseTo(0.8, 15)
    expect(effectiveSampleShare([])).toBe(0)
    expect(effectiveSampleShare([0, 0])).toBe(0)
  })

  it('neither overflows nor vanishes', () => {
    expect(effectiveSampleShare([1e200, 3e200])).toBeCloseTo(0.8, 14)
    expect(effectiveSampleShare([1e-200, 3e-200])).toBeCloseTo(0.8, 14)
  })

  it('property: lies between 1/n and 1 and ignores the scale of the weights', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { minLength: 1 }), (weights) => {
        const share = effectiveSampleShare(weights)
        expect(share).toBeGreaterThanOrEqual((1 - 1e-12) / weights.length)
        expect(share).toBeLessThanOrEqual(1 + 1e-12)
        expect(effectiveSampleShare(weights.map((weight) => weight * 7))).toBeCloseTo(share, 12)
      }),
      { seed },
    )
  })
})

describe('ratioSummary', () => {
  it('is 1 throughout for the policy itself', () => {
    const logprobs = [[-1, -2], [-3]]
    expect(ratioSummary({ logprobs, oldLogprobs: logprobs })).toEqual({
      tokens: 3,
      mean: 1,
      min: 1,
      max: 1,
      quantiles: [1, 1],
      meanAbsLog: 0,
      maxAbsLog: 0,
      tokenShare: 1,
      sequenceShare: 1,
    })
  })

  it('of ratios 2, 1/2 and 1: mean 7/6, sequences 1 and 1, tokens (3.5)^2 / (3 * 5.25)', () => {
    const summary = ratioSummary({ logprobs: [[ln(2), ln(0.5)], [0]], oldLogprobs: [[0, 0], [0]] })!
    expect(summary.mean).toBeCloseTo(7 / 6, 14)
    expect([summary.min, summary.max]).toEqual([expect.closeTo(0.5, 14), expect.closeTo(2, 14)])
    expect(summary.quantiles).toEqual([expect.closeTo(0.51, 12), expect.closeTo(1.98, 12)])
    expect(summary.meanAbsLog).toBeCloseTo((2 * ln(2)) / 3, 14)
    expect(summary.maxAbsLog).toBeCloseTo(ln(2), 14)
    expect(summary.tokenShare).toBeCloseTo(3.5 ** 2 / (3 * 5.25), 14)
    expect(summary.sequenceShare).toBeCloseTo(1, 14)
  })

  it('multiplies the ratios of a rollout for the sequence share, cut at e^20', () => {
    const summary = ratioSummary({ logprobs: [[ln(3), 0], [0]], oldLogprobs: [[0, 0], [0]] })!
    expect(summary.sequenceShare).toBeCloseTo(0.8, 14)
    expect(ratioSummary({ logprobs: [[0]], oldLogprobs: [[-1000]] })!.max).toBeCloseTo(Math.exp(20), 0)
  })

  it('is null without tokens and refuses what does not fit', () => {
    expect(ratioSummary({ logprobs: [[]], oldLogprobs: [[]] })).toBeNull()
    expect(() => ratioSummary({ logprobs: [[0]], oldLogprobs: [] })).toThrow(/0 rollouts of old/)
    expect(() => ratioSummary({ logprobs: [[0]], oldLogprobs: [[0, 1]] })).toThrow(/rollout 0 has 1 tokens and 2/)
  })
})

describe('clipFractions', () => {
  const range = { low: 0.2, high: 0.28 }
  it('counts by the sign of the advantage, like the loss', () => {
    const logprobs = [[ln(2), ln(0.5), 0, ln(4)], [ln(2), ln(0.5), 0, ln(4)], [ln(2)]]
    const oldLogprobs = logprobs.map((row) => row.map(() => 0))
    const tokens = { logprobs, oldLogprobs, advantages: [1, -1, 0] }
    expect(clipFractions(tokens, { ...range, dual: 3 })).toEqual({ low: 1 / 9, high: 2 / 9, dual: 1 / 9 })
    expect(clipFractions(tokens, range).dual).toBe(0)
  })

  it('property: agrees with the statistics of the loss', () => {
    const token = fc.tuple(fc.double({ min: -3, max: 0, noNaN: true }), fc.double({ min: -3, max: 0, noNaN: true }))
    const rollout = fc.record({
      tokens: fc.array(token, { minLength: 1, maxLength: 5 }),
      advantage: fc.constantFrom(-1, 0, 2),
    })
    fc.assert(
      fc.property(fc.array(rollout, { minLength: 1, maxLength: 4 }), (rollouts) => {
        const logprobs = rollouts.map(({ tokens }) => tokens.map(([x]) => x))
        const oldLogprobs = rollouts.map(({ tokens }) => tokens.map(([, x]) => x))
        const advantages = rollouts.map(({ advantage }) => advantage)
        const loss = policyLoss({ surrogate: clipped(range), aggregate: tokenMean })(
          ops,
          batchTotals(logprobs.map((row) => row.length)),
        )
        const { aux } = loss(
          batchOf(
            rollouts.map((_, i) => ({
              logprob: logprobs[i]!,
              oldLogprob: oldLogprobs[i]!,
              refLogprob: logprobs[i]!,
              advantage: advantages[i]!,
            })),
            5,
          ),
        )
        const fractions = clipFractions({ logprobs, oldLogprobs, advantages }, range)
        expect(fractions.low).toBeCloseTo(aux.clipLow.data[0]!, 12)
        expect(fractions.high).toBeCloseTo(aux.clipHigh.data[0]!, 12)
        expect(ratioSummary({ logprobs, oldLogprobs })!.mean).toBeCloseTo(aux.ratio.data[0]!, 9)
        expect(klSummary(oldLogprobs, logprobs)!.k1).toBeCloseTo(aux.oldKl.data[0]!, 12)
      }),
      { seed, numRuns: 40 },
    )
  })

  it('is 0 without tokens and refuses advantages that do not fit', () => {
    expect(clipFractions({ logprobs: [[]], oldLogprobs: [[]], advantages: [1] }, range)).toEqual({
      low: 0,
      high: 0,
      dual: 0,
    })
    expect(() => clipFractions({ logprobs: [[]], oldLogprobs: [[]], advantages: [] }, range)).toThrow(
      /0 advantages for 1/,
    )
  })
})

describe('klSummary', () => {
  it('has the means of the three estimators and the largest difference: d = ln 2 and -ln 2', () => {
    expect(klSummary([[0], [0]], [[ln(2)], [-ln(2)]])).toEqual({
      k1: 0,
      k2: expect.closeTo(ln(2) ** 2 / 2, 14),
      k3: expect.closeTo((2 + 0.5) / 2 - 1, 14),
      max: ln(2),
    })
  })

  it('property: k2 and k3 are never negative, and all three are 0 for the policy itself', () => {
    const rows = fc.array(fc.array(fc.double({ min: -9, max: 0, noNaN: true }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(rows, fc.double({ min: -3, max: 3, noNaN: true }), (logprobs, shift) => {
        const moved = klSummary(
          logprobs,
          logprobs.map((row) => row.map((x, t) => x + shift * (t - 1))),
        )!
        expect(moved.k2).toBeGreaterThanOrEqual(0)
        expect(moved.k3).toBeGreaterThanOrEqual(0)
        expect(Object.values(klSummary(logprobs, logprobs)!).every((x) => x === 0)).toBe(true)
      }),
      { seed, numRuns: 40 },
    )
  })

  it('is null without tokens and refuses what does not fit', () => {
    expect(klSummary([], [])).toBeNull()
    expect(() => klSummary([[0]], [])).toThrow(/0 rollouts of the reference for 1/)
    expect(() => klSummary([[0]], [[0, 0]])).toThrow(/2 reference log-probs for 1/)
  })
})

describe('entropySummary', () => {
  it('has mean, quantiles and the share of decided tokens', () => {
    expect(
      entropySummary([
        [0, 1, 2],
        [3, 4],
      ]),
    ).toEqual({
      tokens: 5,
      mean: 2,
      quantiles: [expect.closeTo(0.4, 14), 2, expect.closeTo(3.2, 14), expect.closeTo(3.6, 14)],
      decided: 0.2,
    })
    expect(entropySummary([[]])).toBeNull()
  })
})

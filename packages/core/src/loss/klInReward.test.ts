import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { referenceOps as ops } from '../ops/reference.ts'
import { easyR1KlClamp, klEstimate } from './kl.ts'
import { adaptedKlCoefficient, type KlInReward, klInReward, tokenKl } from './klInReward.ts'

const estimators = ['k1', 'k2', 'k3', 'abs'] as const

describe('tokenKl', () => {
  it('property: is klEstimate on the host, with the clamp and without', () => {
    const logp = fc.double({ min: -30, max: 0, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(logp, logp), { minLength: 1, maxLength: 6 }), (pairs) => {
        const [own, ref] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)]
        const tensor = (data: ReadonlyArray<number>) => ops.fromHost({ shape: [1, data.length], data })
        for (const estimator of estimators)
          for (const clamp of [{}, { clamp: easyR1KlClamp }]) {
            const expected = klEstimate(ops, tensor(own), tensor(ref), { estimator, ...clamp }).data
            tokenKl(own, ref, { estimator, ...clamp }).forEach((found, t) =>
              expect(Math.abs(found - expected[t]!)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected[t]!))),
            )
          }
      }),
      { seed: 41, numRuns: 50 },
    )
  })

  it('is k3 unless told otherwise, and refuses what does not fit', () => {
    expect(tokenKl([0], [Math.LN2])[0]).toBeCloseTo(1 - Math.LN2, 15)
    expect(() => tokenKl([0, 1], [0])).toThrow(/1 reference log-probs for 2 tokens/)
  })
})

describe('klInReward', () => {
  const logprobs = [[[-1, -1], [-2], [-1]]]
  const refLogprobs = [[[-2, -3], [-2], [-9]]]

  it('subtracts beta times the sum over the tokens: 1 - 0.1 (1 + 2)', () => {
    expect(klInReward({ rewards: [[1, 0.5, null]], logprobs, refLogprobs, coefficient: 0.1 })).toEqual([
      [expect.closeTo(0.7, 15), 0.5, null],
    ])
  })

  it("clamps k3 as EasyR1 and verl do, and no other estimator's values", () => {
    const far = { rewards: [[0]], logprobs: [[[0]]], refLogprobs: [[[100]]], coefficient: 1 }
    expect(klInReward({ ...far, estimator: 'k3' })).toEqual([[-10]])
    expect(klInReward({ ...far, estimator: 'abs' })).toEqual([[-100]])
  })

  it('refuses log-probs that do not fit', () => {
    const of = (logprobs: KlInReward['logprobs'], refLogprobs: KlInReward['logprobs']) => () =>
      klInReward({ rewards: [[1], [1, 0]], logprobs, refLogprobs, coefficient: 1 })
    const [one, two, none] = [[[0]], [[0], [0]], [[]]]
    expect(of([one, one], [one, two])).toThrow(/group 1 has 2 rewards, 1 log-probs and 2 of the reference/)
    expect(of([one, two], [one, one])).toThrow(/group 1 has 2 rewards, 2 log-probs and 1 of the reference/)
    expect(of([one], [one])).toThrow(/group 1 has 2 rewards, 0 log-probs and 0 of the reference/)
    expect(of([none, two], [one, two])).toThrow(/1 reference log-probs for 0 tokens/)
  })
})

describe('adaptedKlCoefficient', () => {
  const adapted = adaptedKlCoefficient({ target: 0.1, horizon: 1000 })

  it('grows by error times rollouts over horizon, the error cut at 0.2 (Ziegler et al. 2019)', () => {
    expect(adapted(0.5, { kl: 0.11, rollouts: 100 })).toBeCloseTo(0.5 * 1.01, 15)
    expect(adapted(0.5, { kl: 9, rollouts: 100 })).toBeCloseTo(0.5 * 1.02, 15)
    expect(adapted(0.5, { kl: 0, rollouts: 100 })).toBeCloseTo(0.5 * 0.98, 15)
    expect(adapted(0.5, { kl: 0.1, rollouts: 100 })).toBe(0.5)
  })

  it('refuses a target or a horizon that is not positive', () => {
    expect(() => adaptedKlCoefficient({ target: 0, horizon: 1 })(1, { kl: 1, rollouts: 1 })).toThrow(/must be positive/)
    expect(() => adaptedKlCoefficient({ target: 1, horizon: 0 })(1, { kl: 1, rollouts: 1 })).toThrow(/must be positive/)
  })
})

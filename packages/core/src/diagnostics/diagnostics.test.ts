import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Advantages, batchStd, centreOnly, perPromptStd } from '../durian/advantage.ts'
import { type GroupKind, groupKind, type Right, rewardMidpoint, rightAbove, rightHistograms } from './groupKind.ts'
import { effectiveShare, gainRatio, gains, massShares, updateMasses } from './mass.ts'
import { groupSummary } from './summary.ts'

const seed = 31
const exact = { epsilon: 0, ddof: 1 } as const
const ones = (k: number, n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => (i < k ? 1 : 0))
const right = (rewards: ReadonlyArray<number | null>): Right => rightAbove(0.5)([rewards])[0]!

describe('groupKind', () => {
  it.each<[GroupKind, ReadonlyArray<number | null>]>([
    ['all_right', [1, 1, 1]],
    ['all_right', [0.9, 0.9, null]],
    ['all_wrong', [0.1, 0.1, 0.1]],
    ['shaping_only', [1, 1, 1, 1, 0.9]],
    ['shaping_only', [0, 0.1, 0]],
    ['one_wrong', [1, 1, 0.9, 0]],
    ['one_right', [0, 1, 0, 0]],
    ['one_right', [0, null, 1, 0.1]],
    ['mixed', [1, 1, 0, 0]],
    ['mixed', [1, 0]],
    ['unscored', [null, null]],
  ])('%s: rewards %j, right above 0.5', (kind, rewards) => {
    expect(groupKind(rewards, right(rewards))).toBe(kind)
  })

  it('constant_other: equal rewards although one rollout is wrong', () => {
    expect(groupKind([1, 1, 1], [true, false, true])).toBe('constant_other')
  })

  it('refuses rightness that does not fit', () => {
    expect(() => groupKind([1, 0], [true])).toThrow(/do not fit/)
    expect(() => groupKind([1, null], [true, false])).toThrow(/do not fit/)
  })
})

describe('rewardMidpoint', () => {
  it('parts 0.9 and 1 from 0 and 0.1, and is 0 for equal rewards', () => {
    expect(
      rewardMidpoint([
        [1, 0.9],
        [0.1, null],
      ]),
    ).toBeCloseTo(0.55, 15)
    expect(rewardMidpoint([[0.9], [0.9]])).toBe(0)
    expect(rewardMidpoint([[null]])).toBe(0)
    expect(rightAbove(0.5)([[0.5, 0.51, null]])).toEqual([[false, true, null]])
  })
})

describe('rightHistograms', () => {
  it('counts k of n for each group size', () => {
    const groups = [ones(1, 2), ones(2, 2), ones(1, 2), ones(0, 3)].map(right)
    expect(rightHistograms(groups)).toEqual([
      { n: 2, counts: [0, 2, 1] },
      { n: 3, counts: [1, 0, 0, 0] },
    ])
  })
})

describe('mass', () => {
  it('of k right of n under GRPO is 2 sqrt(k (n - k) (n - 1) / n)', () => {
    const masses = updateMasses(perPromptStd(exact)([ones(4, 8), ones(7, 8), ones(8, 8)]))
    expect(masses[0]).toBeCloseTo(2 * Math.sqrt((16 * 7) / 8), 12)
    expect(masses[1]).toBeCloseTo(2 * Math.sqrt((7 * 7) / 8), 12)
    expect(masses[2]).toBe(0)
  })

  it('shares by label sum to 1, and are 0 without any gradient', () => {
    const shares = massShares(
      [
        [3, -3],
        [1, -1],
        [0, 0],
        [null, 0],
      ],
      ['a', 'b', 'c', 'b'],
    )
    expect(Object.fromEntries(shares)).toEqual({ a: 0.75, b: 0.25, c: 0 })
    expect(Array.from(massShares([[0], [0]], [1, 2]).values())).toEqual([0, 0])
    expect(() => massShares([[1]], [])).toThrow(/labels/)
  })

  it('effective share is 1 for equal prompts, 1/B for a lone one, 0 for none', () => {
    expect(
      effectiveShare([
        [1, -1],
        [1, -1],
      ]),
    ).toBe(1)
    expect(
      effectiveShare([
        [1, -1],
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    ).toBe(0.25)
    expect(effectiveShare([[0, 0]])).toBe(0)
    expect(effectiveShare([])).toBe(0)
    expect(effectiveShare([[1e-200], [1e-200]])).toBe(1)
  })

  it('a format slip gains ten times what a wrong answer does under GRPO, and as much under one shared std', () => {
    const rewards = [
      [1, 1, 1, 1, 0.9],
      [1, 1, 1, 1, 0],
      [1, 1, 1, 1, 1],
    ]
    const [slip, wrong, solved] = gains(rewards, perPromptStd(exact)(rewards))
    expect(slip! / wrong!).toBeCloseTo(10, 10)
    expect(wrong).toBeCloseTo(1 / Math.sqrt(0.2), 12)
    expect(solved).toBeNull()
    expect(gainRatio(rewards, batchStd(exact)(rewards))).toBeCloseTo(1, 12)
    expect(gainRatio(rewards, perPromptStd(exact)(rewards))).toBeCloseTo(10 / 5.5, 10)
    expect(gainRatio([[1, 1]], [[0, 0]])).toBe(0)
  })

  it('property: all of them ignore the advantages’ scale and the order of prompts', () => {
    const advantages = fc.array(fc.array(fc.integer({ min: -64, max: 64 }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 9,
    })
    fc.assert(
      fc.property(advantages, (groups) => {
        const scaled: Advantages = groups.map((group) => group.map((a) => a / 8)).reverse()
        expect(effectiveShare(scaled)).toBeCloseTo(effectiveShare(groups), 12)
        const labels = groups.map((group) => group.length)
        const shares = massShares(groups, labels)
        for (const [label, share] of massShares(scaled, [...labels].reverse()))
          expect(share).toBeCloseTo(shares.get(label)!, 12)
        const masses = updateMasses(groups)
        const active = masses.filter((mass) => mass > 0).length / masses.length
        expect(effectiveShare(groups)).toBeLessThanOrEqual(active + 1e-12)
      }),
      { seed },
    )
  })
})

describe('groupSummary', () => {
  it('is table 4 with the share of the update behind each row', () => {
    const rewards = [ones(8, 8), ones(0, 8), ones(7, 8), ones(1, 8), ones(4, 8), [...ones(7, 7), 0.9]]
    const summary = groupSummary({ rewards, right: rightAbove(0.5)(rewards), advantages: centreOnly(rewards) })
    expect(summary.kinds).toEqual(['all_right', 'all_wrong', 'one_wrong', 'one_right', 'mixed', 'shaping_only'])
    expect(summary.counts.one_wrong).toBe(1)
    expect(summary.zeroVariance).toBeCloseTo(2 / 6, 15)
    expect(summary.histograms).toEqual([{ n: 8, counts: [1, 1, 0, 0, 1, 0, 0, 1, 2] }])
    // Masses 2 n p (1 - p): 7/4, 7/4, 4 and a tenth of 7/4.
    expect(summary.mass.one_wrong).toBeCloseTo(1.75 / 7.675, 12)
    expect(summary.mass.mixed).toBeCloseTo(4 / 7.675, 12)
    expect(summary.mass.all_right).toBe(0)
    expect(summary.gainRatio).toBeCloseTo(1, 12)
    expect(Object.values(summary.mass).reduce((a, b) => a + b)).toBeCloseTo(1, 12)
  })

  it('is all 0 for an empty batch', () => {
    const { groups, zeroVariance, effectiveShare: share } = groupSummary({ rewards: [], right: [], advantages: [] })
    expect([groups, zeroVariance, share]).toEqual([0, 0, 0])
  })
})

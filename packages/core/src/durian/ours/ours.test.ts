import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { std } from '../../num/stats.ts'
import { percentileBuckets, quantileBuckets } from '../bucket.ts'
import { durianAdvantages, durianDefaults, type Sample } from '../durian.ts'
import { bucketSpread } from '../spread.ts'
import { accuracies, withAccuracy } from './accuracy.ts'
import { shrunkSpread } from './shrunkSpread.ts'
import { remembered, scoreWindow, windowedBuckets } from './windowedBuckets.ts'

const seed = 27
const numRuns = 60
const score = fc.integer({ min: -64, max: 64 }).map((i) => i / 8)
const scores = fc.array(score, { minLength: 1, maxLength: 12 })
const reward = fc.integer({ min: 0, max: 8 }).map((i) => i / 8)
const groups = fc.array(fc.array(reward, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 })

describe('windowedBuckets', () => {
  it('takes the edges over the window: of 1 and 2 after a step of 7 … 12, both are low', () => {
    const window = remembered(scoreWindow(2), [7, 8, 9, 10, 11, 12])
    const { buckets, edges } = windowedBuckets(quantileBuckets(2), window)([1, 2])
    expect(edges).toEqual([8.5])
    expect(buckets).toEqual([0, 0])
    expect(quantileBuckets(2)([1, 2]).buckets).toEqual([0, 1])
  })

  it('remembers so many steps, oldest first, without nulls, and leaves the old window alone', () => {
    const first = remembered(scoreWindow(2), [1, null])
    const third = [[2], [3]].reduce(remembered, first)
    expect(first.steps).toEqual([[1]])
    expect(third).toEqual({ length: 2, steps: [[2], [3]] })
    expect(remembered(scoreWindow(0), [1]).steps).toEqual([])
    expect(() => scoreWindow(-1)).toThrow(/window of -1 steps/)
    expect(() => scoreWindow(1.5)).toThrow(/whole number/)
  })

  it('has no buckets and no edges for an empty batch, whatever it remembers', () => {
    expect(windowedBuckets(quantileBuckets(3), remembered(scoreWindow(1), [1, 2]))([])).toEqual({
      buckets: [],
      edges: [],
    })
  })

  it('property: an empty window is the paper, and a window of the same scores again moves the median by nothing', () => {
    fc.assert(
      fc.property(scores, (batch) => {
        for (const bucketer of [quantileBuckets(4), percentileBuckets([0.25, 0.75])])
          expect(windowedBuckets(bucketer, scoreWindow(3))(batch)).toEqual(bucketer(batch))
        const again = windowedBuckets(quantileBuckets(2), remembered(scoreWindow(1), batch))(batch)
        expect(again.edges[0]).toBeCloseTo(quantileBuckets(2)(batch).edges[0]!, 12)
      }),
      { seed, numRuns },
    )
  })

  it('feeds durianAdvantages through its option', () => {
    const samples: ReadonlyArray<Sample> = [
      { rewards: [1, 0], entropy: 1, confidence: 1 },
      { rewards: [1, 0.5], entropy: 1, confidence: 2 },
    ]
    const reasoning = windowedBuckets(quantileBuckets(2), remembered(scoreWindow(1), [7, 8, 9]))
    const options = { ...durianDefaults, reasoningGroups: 2 }
    expect(durianAdvantages(samples, { ...options, bucketers: { reasoning } }).reasoning.buckets).toEqual([0, 0])
    expect(durianAdvantages(samples, options).reasoning.buckets).toEqual([0, 1])
    expect(
      durianAdvantages(samples, { ...options, bucketers: { perceptual: quantileBuckets(2) } }).perceptual.buckets,
    ).toEqual([1, 1])
  })
})

describe('shrunkSpread', () => {
  it('weighs variances by degrees of freedom: a bucket of two rollouts with strength 1 is half the batch', () => {
    const rewards = [
      [0, 2],
      [0, 6],
    ]
    const [own, whole] = [std([0, 2], { ddof: 1 }), std([0, 2, 0, 6], { ddof: 1 })]
    const shrunk = shrunkSpread(1)(1)([0, 1])(rewards, rewards)
    expect(shrunk[0]).toBeCloseTo(Math.sqrt((own ** 2 + whole ** 2) / 2), 14)
  })

  it('gives a bucket of equal groups a spread, and a sample without a bucket its own', () => {
    const rewards = [
      [1, 1],
      [0, 1],
      [0, 4],
    ]
    const shrunk = shrunkSpread(2)(1)([0, 1, null])(rewards, rewards)
    expect(shrunk[0]).toBeGreaterThan(0)
    expect(shrunk[2]).toBe(std([0, 4], { ddof: 1 }))
    expect(shrunk[1]).toBeLessThan(1) // the sample without a bucket is no part of the batch's spread
  })

  it('property: strength 0 is the paper, strength Infinity the batch, and between them the spread lies between', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 20 }), (rewards, strength) => {
        const buckets = rewards.map((_, s) => s % 2)
        const own = bucketSpread(1)(buckets)(rewards, rewards)
        const whole = std(rewards.flat(), { ddof: 1 })
        shrunkSpread(0)(1)(buckets)(rewards, rewards).forEach((found, s) => expect(found).toBeCloseTo(own[s]!, 14))
        expect(shrunkSpread(Infinity)(1)(buckets)(rewards, rewards)).toEqual(rewards.map(() => whole))
        shrunkSpread(strength)(1)(buckets)(rewards, rewards).forEach((found, s) => {
          expect(found).toBeGreaterThanOrEqual(Math.min(own[s]!, whole) - 1e-12)
          expect(found).toBeLessThanOrEqual(Math.max(own[s]!, whole) + 1e-12)
        })
      }),
      { seed, numRuns },
    )
  })

  it('property: of one bucket is its std to the last bit, whatever the strength', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 0, max: 20 }), (rewards, strength) => {
        const one = rewards.map(() => 0)
        expect(shrunkSpread(strength)(1)(one)(rewards, rewards)).toEqual(bucketSpread(1)(one)(rewards, rewards))
      }),
      { seed, numRuns },
    )
  })

  it('refuses a negative strength', () => {
    expect(() => shrunkSpread(-1)).toThrow(/-1 is not 0 or more/)
  })

  it('feeds durianAdvantages through its option', () => {
    const samples: ReadonlyArray<Sample> = [
      { rewards: [1, 0], entropy: 1, confidence: 1 },
      { rewards: [3, 0], entropy: 2, confidence: 2 },
    ]
    const found = durianAdvantages(samples, { ...durianDefaults, spread: shrunkSpread(Infinity) })
    expect(found.reasoning.stds).toEqual([std([1, 0, 3, 0], { ddof: 1 }), std([1, 0, 3, 0], { ddof: 1 })])
  })
})

describe('accuracy as difficulty', () => {
  it('is the share of right rollouts, and takes the place of the confidence', () => {
    const right = [[true, false, null, true], [null]]
    expect(accuracies(right)).toEqual([2 / 3, null])
    const samples = [
      { rewards: [1, 0, null, 1], entropy: 3, confidence: -9 },
      { rewards: [null], entropy: null, confidence: -1 },
    ]
    expect(withAccuracy(samples, right)).toEqual([
      { ...samples[0], confidence: 2 / 3 },
      { ...samples[1], confidence: null },
    ])
    expect(() => withAccuracy(samples, [])).toThrow(/0 groups of verdicts for 2 samples/)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { percentileBuckets, quantileBuckets } from './bucket.ts'

const seed = 21
const scores = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ min: -50, max: 50, noNaN: true })), {
  minLength: 1,
  maxLength: 40,
})

/** Higher scores never sit in lower buckets, and equal ones share a bucket. */
const expectMonotone = (x: ReadonlyArray<number>, buckets: ReadonlyArray<number>): void => {
  const order = x.map((_, s) => s).sort((a, b) => x[a]! - x[b]!)
  for (let i = 1; i < order.length; i++) {
    const [before, here] = [order[i - 1]!, order[i]!]
    expect(buckets[before]).toBeLessThanOrEqual(buckets[here]!)
    if (x[before] === x[here]) expect(buckets[before]).toBe(buckets[here])
  }
}

describe('percentileBuckets', () => {
  const paper = percentileBuckets([0.25, 0.75])

  it('puts the edges into the outer buckets: of 1 … 5, two are easy, one between, two hard', () => {
    expect(paper([5, 1, 4, 2, 3])).toEqual({ buckets: [2, 0, 2, 0, 1], edges: [2, 4] })
  })

  it('tests S1 first, so equal entropies are all easy', () => {
    expect(paper([1.5, 1.5, 1.5]).buckets).toEqual([0, 0, 0])
    expect(paper([7]).buckets).toEqual([0])
  })

  it('is empty for an empty batch', () => {
    expect(paper([])).toEqual({ buckets: [], edges: [] })
  })

  it('refuses fractions out of order or out of range', () => {
    expect(() => percentileBuckets([0.75, 0.25])).toThrow('perceptual quantiles 0.75, 0.25 are not 0 <= low')
    expect(() => percentileBuckets([-0.1, 0.5])).toThrow(RangeError)
    expect(() => percentileBuckets([0.5, 1.1])).toThrow(RangeError)
    expect(() => percentileBuckets([NaN, 0.5])).toThrow(RangeError)
  })

  it('takes edges at the ends, and one edge for both', () => {
    expect(percentileBuckets([0, 1])([3, 1, 2]).buckets).toEqual([2, 0, 1])
    expect(percentileBuckets([0.5, 0.5])([3, 1, 2]).buckets).toEqual([2, 0, 0])
  })

  it('property: buckets grow with the score', () => {
    fc.assert(
      fc.property(scores, (x) => {
        expectMonotone(x, paper(x).buckets)
      }),
      { seed },
    )
  })
})

describe('quantileBuckets', () => {
  it('counts the edges at or below the score: of 1 … 6 in three groups, two each', () => {
    expect(quantileBuckets(3)([6, 5, 4, 3, 2, 1]).buckets).toEqual([2, 2, 1, 1, 0, 0])
  })

  it('puts a score on an edge into the upper group', () => {
    expect(quantileBuckets(2)([1, 2, 3])).toEqual({ buckets: [0, 1, 1], edges: [2] })
  })

  it('puts equal scores into the top group, and everything into group 0 for b = 1', () => {
    expect(quantileBuckets(12)([-0.5, -0.5]).buckets).toEqual([11, 11])
    expect(quantileBuckets(1)([3, 1, 2])).toEqual({ buckets: [0, 0, 0], edges: [] })
  })

  it('refuses a count that is not a positive integer', () => {
    for (const count of [0, -1, 2.5, NaN])
      expect(() => quantileBuckets(count)).toThrow(`number of buckets ${count} is not a positive integer`)
  })

  it('is empty for an empty batch', () => {
    expect(quantileBuckets(3)([])).toEqual({ buckets: [], edges: [] })
  })

  it('property: buckets lie in 0 … b-1, grow with the score, and the highest score is in the top group', () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 20 }), (x, count) => {
        const { buckets, edges } = quantileBuckets(count)(x)
        expect(edges).toHaveLength(count - 1)
        for (const bucket of buckets) expect(Number.isInteger(bucket) && bucket >= 0 && bucket < count).toBe(true)
        expectMonotone(x, buckets)
        expect(buckets[x.indexOf(Math.max(...x))]).toBe(count - 1)
      }),
      { seed },
    )
  })

  it('property: distinct scores fill the groups to within one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 6 }), (count, each) => {
        const x = Array.from({ length: count * each }, (_, s) => s * s)
        const sizes = new Array<number>(count).fill(0)
        for (const bucket of quantileBuckets(count)(x).buckets) sizes[bucket]!++
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
      { seed },
    )
  })
})

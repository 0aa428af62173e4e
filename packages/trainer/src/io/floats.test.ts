import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { narrowed, widened } from './floats.ts'

const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i)
const kinds = ['F16', 'BF16'] as const
const infinity = { F16: 0x7c00, BF16: 0x7f80 } as const
const isNaNWord = (word: number, dtype: (typeof kinds)[number]): boolean => (word & 0x7fff) > infinity[dtype]

describe.each(kinds)('%s', (dtype) => {
  it('law: every 16-bit value comes back from float32 with its bits, a NaN as a NaN', () => {
    const back = narrowed(widened(all, dtype), dtype)
    const wrong = all.filter((word) => (isNaNWord(word, dtype) ? !isNaNWord(back[word]!, dtype) : back[word] !== word))
    expect([...wrong]).toEqual([])
  })

  it('property: a number goes to the nearer of its neighbours, half-way to the even one', () => {
    const positive = widened(all.subarray(0, infinity[dtype]), dtype)
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: infinity[dtype] - 2 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (word, at) => {
          const [low, high] = [positive[word]!, positive[word + 1]!]
          const value = Math.fround(low + at * (high - low))
          const [below, above] = [value - low, high - value]
          const wanted = below < above ? word : below > above ? word + 1 : word + (word % 2)
          expect(narrowed(Float32Array.of(value, -value), dtype)).toEqual(Uint16Array.of(wanted, wanted | 0x8000))
          const middle = Math.fround((low + high) / 2)
          if (middle - low === high - middle)
            expect(narrowed(Float32Array.of(middle), dtype)[0]).toBe(word + (word % 2))
        },
      ),
      { seed: 2, numRuns: 2000 },
    )
  })
})

describe('beyond the range of half precision', () => {
  it('65519.99 is the largest number, 65520 is infinity', () => {
    expect([...narrowed(Float32Array.of(65519.99, 65520, -1e30, Infinity), 'F16')]).toEqual([
      0x7bff, 0x7c00, 0xfc00, 0x7c00,
    ])
  })
})

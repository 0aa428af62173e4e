import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Counter, streams, unitInterval, words } from './key.ts'
import { philox4x32, type Words } from './philox.ts'
import { nameIndex, normals, permutation, randomInts, uniforms } from './sequence.ts'
import { randomInt, uniform } from './uniform.ts'

const ONES = 0xffffffff

describe('philox4x32', () => {
  it.each<[string, Words, readonly [number, number], Words]>([
    ['zeros', [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    ['ones', [ONES, ONES, ONES, ONES], [ONES, ONES], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [
      'digits of pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('golden: the known answer of Random123 for %s', (_, counter, key, answer) => {
    expect(philox4x32(counter, key)).toEqual(answer)
  })
})

describe('words', () => {
  it('under the seed alone in the sampling stream: seed 0 gives the known answer for zeros', () => {
    expect(words({ seed: 0 }, [0, 0, 0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  })

  it('all 53 bits of the seed, the stream and each place of the counter matter', () => {
    const at: Counter = [1, 2, 3, 4]
    const base = words({ seed: 5 }, at)
    expect(words({ seed: 5 + 2 ** 32 }, at)).not.toEqual(base)
    expect(words({ seed: 5 + 2 ** 52 }, at)).not.toEqual(base)
    expect(words({ seed: 5, stream: streams.shuffle }, at)).not.toEqual(base)
    for (let place = 0; place < 4; place++)
      expect(words({ seed: 5 }, at.map((value, i) => value + (i === place ? 1 : 0)) as unknown as Counter)).not.toEqual(
        base,
      )
  })

  it('no seed and stream share a key: a large seed does not reach into the next stream', () => {
    expect(words({ seed: 2 ** 53 - 1 }, [0, 0, 0, 0])).not.toEqual(
      words({ seed: 2 ** 32 - 1, stream: 1 }, [0, 0, 0, 0]),
    )
    expect(words({ seed: 5, stream: 1 }, [0, 0, 0, 0])).not.toEqual(words({ seed: 5 + 2 ** 32 }, [0, 0, 0, 0]))
    expect(new Set(Object.values(streams)).size).toBe(Object.keys(streams).length)
  })

  it('refuses what would wrap round', () => {
    const at: Counter = [0, 0, 0, 0]
    for (const seed of [-1, 0.5, 2 ** 53, NaN]) expect(() => words({ seed }, at)).toThrow(/seed/)
    for (const stream of [-1, 2048, 1.5]) expect(() => words({ seed: 0, stream }, at)).toThrow(/stream/)
    for (const token of [-1, 2 ** 32, 0.5]) expect(() => words({ seed: 0 }, [0, 0, 0, token])).toThrow(/counter/)
  })
})

describe('uniform', () => {
  it('takes 53 bits of two words: 27 of the first, 26 of the second', () => {
    expect(unitInterval(0, 0)).toBe(0)
    expect(unitInterval(ONES, ONES)).toBe(1 - 2 ** -53)
    expect(unitInterval(2 ** 31, 0)).toBe(0.5)
    expect(unitInterval(0, 64)).toBe(2 ** -53)
  })

  it('is the known answer for zeros, as a fraction', () => {
    expect(uniform({ seed: 0 }, [0, 0, 0, 0])).toBeCloseTo(0x6627e8d5 / 2 ** 32, 8)
  })

  it('fills ten bins evenly (chi-square of 20,000 draws below the 0.1 % point of 9 degrees)', () => {
    const counts = new Array<number>(10).fill(0)
    for (let token = 0; token < 20_000; token++) counts[Math.floor(uniform({ seed: 7 }, [3, 1, 4, token]) * 10)]!++
    expect(counts.reduce((total, count) => total + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(27.88)
  })

  it('randomInt stays in [0, bound) and reaches every integer', () => {
    const drawn = Array.from({ length: 200 }, (_, token) => randomInt({ seed: 1 }, [0, 0, 0, token], 5))
    expect(Array.from(new Set(drawn)).sort()).toEqual([0, 1, 2, 3, 4])
    expect(() => randomInt({ seed: 1 }, [0, 0, 0, 0], 0)).toThrow(/bound/)
  })
})

describe('sequences', () => {
  it('property: a longer run begins with the shorter one, and another index is another run', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(40), fc.nat(40), (seed, n, more) => {
        expect(uniforms({ seed }, n + more).slice(0, n)).toEqual(uniforms({ seed }, n))
        expect(normals({ seed }, n + more).slice(0, n)).toEqual(normals({ seed }, n))
        if (n > 0) expect(uniforms({ seed, index: 1 }, n)).not.toEqual(uniforms({ seed }, n))
      }),
      { seed: 14 },
    )
  })

  it('normals have mean 0, variance 1, and uncorrelated neighbours', () => {
    const n = 20_000
    const z = normals({ seed: 9, stream: streams.initialisation }, n)
    const average = z.reduce((a, x) => a + x, 0) / n
    const neighbours = z.reduce((a, x, i) => (i % 2 === 0 ? a + x * z[i + 1]! : a), 0) / (n / 2)
    expect(Math.abs(average)).toBeLessThan(4 / Math.sqrt(n))
    expect(Math.abs(z.reduce((a, x) => a + x * x, 0) / n - 1)).toBeLessThan(4 * Math.sqrt(2 / n))
    expect(Math.abs(neighbours)).toBeLessThan(4 / Math.sqrt(n / 2))
    expect(z.filter((x) => Math.abs(x) > 1.96).length / n).toBeCloseTo(0.05, 2)
  })

  it('property: a permutation holds each number once', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(60), (seed, n) => {
        const order = permutation({ seed, stream: streams.shuffle }, n)
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
      }),
      { seed: 15 },
    )
  })

  it('all six orders of three are equally likely (6,000 permutations)', () => {
    const counts = new Map<string, number>()
    for (let index = 0; index < 6000; index++) {
      const order = permutation({ seed: 2, index }, 3).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120) // four sigma
  })

  it('randomInts are integers in [0, bound)', () => {
    expect(new Set(randomInts({ seed: 3 }, 100, 3))).toEqual(new Set([0, 1, 2]))
  })

  it('names give distinct 32-bit indices', () => {
    const names = Array.from({ length: 2000 }, (_, i) => `model.layers.${i}.weight`)
    expect(new Set(names.map(nameIndex)).size).toBe(2000)
    expect(nameIndex('')).toBe(0x811c9dc5)
    expect(nameIndex('é')).not.toBe(nameIndex('e'))
    expect(() => uniforms({ seed: 0, index: nameIndex('a') }, 1)).not.toThrow()
  })
})

import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Matrix } from '../num/matrix.ts'
import { normals, permutation } from '../random/sequence.ts'
import { spectralEntropy } from './spectralEntropy.ts'
import { visualEntropy, visualEntropyOfTiles } from './visualEntropy.ts'

const seed = 23
const shape = fc.record({
  rows: fc.integer({ min: 2, max: 14 }),
  cols: fc.integer({ min: 1, max: 14 }),
  key: fc.nat(10_000),
})
const features = ({ rows, cols, key }: { rows: number; cols: number; key: number }): Matrix => ({
  rows,
  cols,
  data: normals({ seed: key }, rows * cols),
})

/** Rows multiplied by the reflection I - 2 v v^T / v^T v. */
const reflected = ({ rows, cols, data }: Matrix, key: number): Matrix => {
  const v = normals({ seed: key, index: 1 }, cols)
  const length = v.reduce((a, x) => a + x * x, 0)
  const out = Float64Array.from(data)
  for (let i = 0; i < rows; i++) {
    let overlap = 0
    for (let j = 0; j < cols; j++) overlap += data[i * cols + j]! * v[j]!
    for (let j = 0; j < cols; j++) out[i * cols + j]! -= ((2 * overlap) / length) * v[j]!
  }
  return { rows, cols, data: out }
}

const mapped = (matrix: Matrix, change: (value: number, i: number, j: number) => number): Matrix => ({
  ...matrix,
  data: Float64Array.from(matrix.data, (value, e) => change(value, Math.floor(e / matrix.cols), e % matrix.cols)),
})

describe('spectralEntropy', () => {
  it('is ln D for a flat spectrum, 0 for a single eigenvalue, ln 2 for two equal ones', () => {
    expect(spectralEntropy([3, 3, 3, 3])).toBeCloseTo(Math.log(4), 15)
    expect(spectralEntropy([7])).toBe(0)
    expect(spectralEntropy([2, 0, 2, 0])).toBeCloseTo(Math.LN2, 15)
  })

  it('is 0 when nothing is positive, and never -0', () => {
    expect(spectralEntropy([])).toBe(0)
    expect(spectralEntropy([0, 0])).toBe(0)
    expect(spectralEntropy([-1e-18])).toBe(0)
  })

  it('counts negative rounding as 0', () => {
    expect(spectralEntropy([1, 1, -1e-17])).toBeCloseTo(Math.LN2, 15)
    expect(spectralEntropy([1, 1, -0.1])).toBeCloseTo(Math.LN2, 15)
  })

  it('property: ignores the scale of the spectrum and stays in [0, ln D]', () => {
    const spectrum = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(spectrum, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (lambda, k) => {
        const h = spectralEntropy(lambda)
        expect(h).toBeGreaterThanOrEqual(0)
        expect(h).toBeLessThanOrEqual(Math.log(lambda.length) + 1e-12)
        expect(spectralEntropy(lambda.map((x) => x * k))).toBeCloseTo(h, 9)
      }),
      { seed },
    )
  })
})

describe('visualEntropy', () => {
  it('is ln 2 for four patches on the ends of two equal axes', () => {
    expect(visualEntropy({ rows: 4, cols: 2, data: [1, 0, -1, 0, 0, 1, 0, -1] })).toBeCloseTo(Math.LN2, 14)
  })

  it('is 0 for one patch, for two, and for patches without variance, even if their mean rounds', () => {
    expect(visualEntropy({ rows: 1, cols: 3, data: [1, 2, 3] })).toBe(0)
    expect(visualEntropy({ rows: 2, cols: 3, data: [1, 2, 3, 5, 5, 5] })).toBeCloseTo(0, 14)
    expect(visualEntropy({ rows: 7, cols: 1, data: new Array<number>(7).fill(0.9) })).toBe(0)
    expect(
      visualEntropy({ rows: 7, cols: 3, data: Float64Array.from({ length: 21 }, (_, e) => [0.1, 0.7, 0.9][e % 3]!) }),
    ).toBe(0)
  })

  it('neither overflows nor vanishes, and keeps small variance on a large offset', () => {
    const square = [0, 1, 0, -1, 1, 0, -1, 0]
    for (const [scale, offset] of [
      [1e200, 0],
      [1e-200, 0],
      [5e-324, 0],
      [1.7e308, 0],
      [1, 1e8],
    ] as const)
      expect(visualEntropy({ rows: 4, cols: 2, data: square.map((x) => x * scale + offset) })).toBeCloseTo(Math.LN2, 12)
  })

  it('sees tiny variance beside large constant channels, with more patches than channels and with fewer', () => {
    for (const [large, tiny] of [
      [1, 1e-200],
      [1, 1e-140],
      [1e100, 1e-100],
    ] as const)
      for (const constants of [1, 4]) {
        const wide = new Array<number>(constants).fill(large)
        const rows = [
          [tiny, ...wide, 0, large],
          [-tiny, ...wide, 0, large],
          [0, ...wide, tiny, large],
          [0, ...wide, -tiny, large],
          [0, ...wide, 0, large],
        ]
        expect(visualEntropy({ rows: 5, cols: constants + 3, data: rows.flat() })).toBeCloseTo(Math.LN2, 12)
      }
  })

  it('refuses features that are not finite or do not fill the matrix', () => {
    expect(() => visualEntropy({ rows: 1, cols: 2, data: [1, NaN] })).toThrow(/feature 1/)
    expect(() => visualEntropy({ rows: 2, cols: 2, data: [1, 2, 3] })).toThrow(/fill/)
    for (const [rows, cols] of [
      [0, 2],
      [2, 0],
    ] as const)
      expect(() => visualEntropy({ rows, cols, data: [] })).toThrow('visual entropy of no features')
  })

  it('golden: agrees with NumPy (eigvalsh in float64) to 1e-9', () => {
    const cases = JSON.parse(
      readFileSync(new URL('../../goldens/spectral_entropy.json', import.meta.url), 'utf8'),
    ) as ReadonlyArray<{ P: number; D: number; features: ReadonlyArray<ReadonlyArray<number>>; entropy: number }>
    expect(cases.length).toBeGreaterThan(4)
    for (const { P, D, features: rows, entropy } of cases)
      expect(Math.abs(visualEntropy({ rows: P, cols: D, data: rows.flat() }) - entropy)).toBeLessThan(1e-9)
  })

  it('property: lies in [0, ln min(P - 1, d)]', () => {
    fc.assert(
      fc.property(shape, (at) => {
        const h = visualEntropy(features(at))
        expect(h).toBeGreaterThanOrEqual(0)
        expect(h).toBeLessThanOrEqual(Math.log(Math.min(at.rows - 1, at.cols)) + 1e-12)
      }),
      { seed },
    )
  })

  it('property: ignores rotation, scale, a common offset and the order of patches and of channels', () => {
    fc.assert(
      fc.property(shape, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (at, scale) => {
        const matrix = features(at)
        const h = visualEntropy(matrix)
        const offset = normals({ seed: at.key, index: 2 }, at.cols)
        const patches = permutation({ seed: at.key, index: 3 }, at.rows)
        const channels = permutation({ seed: at.key, index: 4 }, at.cols)
        expect(visualEntropy(reflected(matrix, at.key))).toBeCloseTo(h, 10)
        expect(visualEntropy(mapped(matrix, (value) => value * scale))).toBeCloseTo(h, 10)
        expect(visualEntropy(mapped(matrix, (value, _, j) => value + offset[j]!))).toBeCloseTo(h, 10)
        expect(visualEntropy(mapped(matrix, (_, i, j) => matrix.data[patches[i]! * at.cols + j]!))).toBeCloseTo(h, 10)
        expect(visualEntropy(mapped(matrix, (_, i, j) => matrix.data[i * at.cols + channels[j]!]!))).toBeCloseTo(h, 10)
      }),
      { seed },
    )
  })

  it('property: repeating every patch changes nothing', () => {
    fc.assert(
      fc.property(shape, (at) => {
        const matrix = features(at)
        const data = [...Array.from(matrix.data), ...Array.from(matrix.data)]
        expect(visualEntropy({ rows: 2 * at.rows, cols: at.cols, data })).toBeCloseTo(visualEntropy(matrix), 10)
      }),
      { seed },
    )
  })
})

/** Rows from `begin` to `end`. */
const tile = ({ cols, data }: Matrix, begin: number, end: number): Matrix => ({
  rows: end - begin,
  cols,
  data: Float64Array.from({ length: (end - begin) * cols }, (_, e) => data[begin * cols + e]!),
})

describe('visualEntropyOfTiles', () => {
  it('is ln 2 for four patches on the ends of two equal axes, one patch a tile', () => {
    const cross = { rows: 4, cols: 2, data: [1, 0, -1, 0, 0, 1, 0, -1] }
    expect(visualEntropyOfTiles([0, 1, 2, 3].map((i) => tile(cross, i, i + 1)))).toBeCloseTo(Math.LN2, 14)
  })

  it('is 0 for one patch, and for tiles that are all alike even if their mean rounds', () => {
    expect(visualEntropyOfTiles([{ rows: 1, cols: 2, data: [0.1, 0.7] }])).toBe(0)
    const flat = { rows: 3, cols: 2, data: [0.1, 0.7, 0.1, 0.7, 0.1, 0.7] }
    expect(visualEntropyOfTiles([flat, flat, flat])).toBe(0)
  })

  it('property: equals the entropy of the tiles under each other, wherever they are cut and whatever is common to all', () => {
    const cuts = fc.array(fc.nat(13), { maxLength: 4 })
    fc.assert(
      fc.property(
        shape,
        cuts,
        fc.constantFrom(0, 1e6),
        fc.constantFrom(1e-150, 1, 1e120),
        (at, places, offset, size) => {
          const matrix = mapped(features(at), (value) => (value + offset) * size)
          const edges = [0, ...places.map((place) => Math.min(place, at.rows)), at.rows].sort((a, b) => a - b)
          const tiles = edges.slice(1).map((end, i) => tile(matrix, edges[i]!, end))
          expect(visualEntropyOfTiles(tiles)).toBeCloseTo(visualEntropy(matrix), 8)
        },
      ),
      { seed },
    )
  })

  it('reads tiles lazily, and entropies may be computed while it does', () => {
    const matrix = features({ rows: 12, cols: 6, key: 1 })
    let made = 0
    const tiles = function* (): Generator<Matrix> {
      for (let i = 0; i < 12; i += 4) {
        made++
        visualEntropy(features({ rows: 30, cols: 20, key: i }))
        yield tile(matrix, i, i + 4)
      }
    }
    expect(visualEntropyOfTiles(tiles())).toBeCloseTo(visualEntropy(matrix), 12)
    expect(made).toBe(3)
  })

  it('takes 16,384 patches: a [P, P] matrix would need 2 GB', () => {
    const matrix = { rows: 16_384, cols: 8, data: normals({ seed: 4 }, 16_384 * 8) }
    const whole = visualEntropy(matrix)
    expect(whole).toBeGreaterThan(Math.log(8) - 0.01)
    expect(whole).toBeLessThan(Math.log(8))
    const quarters = [0, 1, 2, 3].map((i) => tile(matrix, 4096 * i, 4096 * (i + 1)))
    expect(visualEntropyOfTiles(quarters)).toBeCloseTo(whole, 12)
  })

  it('refuses no patches, tiles of another width, and features that are not finite', () => {
    expect(() => visualEntropyOfTiles([])).toThrow(RangeError)
    expect(() => visualEntropyOfTiles([{ rows: 0, cols: 2, data: [] }])).toThrow('visual entropy of no features')
    const two = { rows: 1, cols: 2, data: [1, 2] }
    expect(() => visualEntropyOfTiles([two, { rows: 1, cols: 3, data: [1, 2, 3] }])).toThrow(/3 columns/)
    expect(() => visualEntropyOfTiles([two, { rows: 1, cols: 2, data: [1, NaN] }])).toThrow(/feature 1/)
  })
})

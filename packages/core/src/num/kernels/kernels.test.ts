import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { normals } from '../../random/sequence.ts'
import { assemble } from '../../wasm/module.ts'
import { inPanel, inTiles, padded, tiledLength, type Kernels } from './kernels.ts'
import { freshKernels, openKernels, simdKernels } from './open.ts'
import { plainKernels } from './plain.ts'
import { simdSources } from './simd.ts'
import { squares, squaresHeap } from './squares.ts'

const seed = 17
const quarter = fc.integer({ min: 1, max: 9 }).map((tiles) => 4 * tiles)
const even = fc.integer({ min: 1, max: 12 }).map((half) => 2 * half)

/** Two heaps of the same numbers. */
const both = (length: number, key: number): { readonly simd: Kernels; readonly plain: Kernels } => {
  const simd = simdKernels(length)
  if (simd === null) throw new Error('this engine has no SIMD')
  const plain = plainKernels(simd.heap.length)
  simd.heap.set(normals({ seed: key }, length))
  plain.heap.set(simd.heap)
  return { simd, plain }
}

/** Positions below `length` whose bits differ. */
const differing = (a: Kernels, b: Kernels, length: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, i) => i).filter((i) => !Object.is(a.heap[i], b.heap[i]))

const lowerOf = (heap: Float64Array, at: number, n: number): ReadonlyArray<number> =>
  Array.from({ length: n }, (_, i) => Array.from({ length: i + 1 }, (__, j) => heap[at + inTiles(i, j)]!)).flat()

describe('places in the heap', () => {
  it('tiles hold 16 entries each, row by row', () => {
    expect([inTiles(0, 0), inTiles(1, 0), inTiles(3, 3), inTiles(4, 0), inTiles(4, 4), inTiles(8, 0)]).toEqual([
      0, 4, 15, 16, 32, 48,
    ])
    expect(tiledLength(8)).toBe(48)
    expect([padded(0), padded(1), padded(4), padded(5)]).toEqual([0, 4, 4, 8])
  })

  it('a panel holds four columns of all its rows, then the next four', () => {
    expect([inPanel(6, 0, 0), inPanel(6, 0, 3), inPanel(6, 1, 0), inPanel(6, 0, 4), inPanel(6, 5, 7)]).toEqual([
      0, 3, 4, 24, 47,
    ])
  })
})

describe('kernels', () => {
  it('multiply a symmetric matrix that they see half of', () => {
    const { heap, symmetricTimes } = plainKernels(100)
    const entry = (i: number, j: number): number => 10 * Math.max(i, j) + Math.min(i, j)
    for (let i = 0; i < 8; i++) for (let j = 0; j <= i; j++) heap[inTiles(i, j)] = entry(i, j)
    for (let j = 0; j < 8; j++) heap[50 + j] = j + 1
    symmetricTimes(0, 50, 60, 8)
    for (let i = 0; i < 8; i++) {
      let expected = 0
      for (let j = 0; j < 8; j++) expected += entry(i, j) * (j + 1)
      expect(heap[60 + i]).toBe(expected)
    }
  })

  it('property: SIMD gives the bits of TypeScript', () => {
    fc.assert(
      fc.property(quarter, quarter, even, fc.nat(1000), (n, rows, depth, key) => {
        const at = 16
        const tiles = at + tiledLength(n)
        const vector = tiles + n * Math.max(depth, rows)
        const length = vector + 2 * n + rows
        const { simd, plain } = both(length, key)
        const matrix = { at: tiles, pitch: n, rows, cols: n }
        for (const kernels of [simd, plain]) {
          kernels.subtractPairs(at, tiles, n, depth)
          kernels.addSquares(at, tiles, n, depth)
        }
        expect(lowerOf(simd.heap, at, n)).toEqual(lowerOf(plain.heap, at, n))
        for (const kernels of [simd, plain]) {
          kernels.symmetricTimes(at, vector, vector + n, n)
          kernels.timesVector(matrix, vector, vector + 2 * n)
          kernels.subtractRows(matrix, vector + 2 * n, vector)
        }
        expect(differing(simd, plain, length).filter((i) => i < at || i >= tiles)).toEqual([])
      }),
      { seed, numRuns: 60 },
    )
  })

  it('property: subtractPairs takes x y^T + y x^T away, addSquares adds x x^T', () => {
    fc.assert(
      fc.property(quarter, even, fc.nat(1000), (n, depth, key) => {
        const { plain } = both(tiledLength(n) + n * depth, key)
        const { heap } = plain
        const before = heap.slice()
        const x = (p: number, j: number): number => before[tiledLength(n) + inPanel(depth, p, j)]!
        plain.subtractPairs(0, tiledLength(n), n, depth)
        for (let i = 0; i < n; i++)
          for (let j = 0; j <= i; j++) {
            let expected = before[inTiles(i, j)]!
            for (let p = 0; p < depth; p += 2) expected -= x(p, i) * x(p + 1, j) + x(p + 1, i) * x(p, j)
            expect(heap[inTiles(i, j)]).toBeCloseTo(expected, 10)
          }
        heap.set(before)
        plain.addSquares(0, tiledLength(n), n, depth)
        for (let i = 0; i < n; i++)
          for (let j = 0; j <= i; j++) {
            let expected = before[inTiles(i, j)]!
            for (let p = 0; p < depth; p++) expected += x(p, i) * x(p, j)
            expect(heap[inTiles(i, j)]).toBeCloseTo(expected, 10)
          }
      }),
      { seed, numRuns: 20 },
    )
  })

  it('fit into 4,096 bytes, which a browser compiles on its main thread without waiting', () => {
    expect(assemble(simdSources).length).toBeLessThan(4096)
  })

  it('small heaps are kept for the next call, heaps of their own are not, and a heap beyond 4 GB is refused', () => {
    const first = openKernels(1000)
    expect(openKernels(10).heap).toBe(first.heap)
    expect(openKernels(first.heap.length).heap).toBe(first.heap)
    expect(openKernels(first.heap.length + 1).heap.length).toBeGreaterThan(first.heap.length)
    expect(freshKernels(10).heap).not.toBe(freshKernels(10).heap)
    const whole = openKernels(2 ** 21) // 16 MB
    expect(openKernels(10).heap).toBe(whole.heap)
    const large = openKernels(3_000_000)
    expect(large.heap.length).toBeGreaterThanOrEqual(3_000_000)
    expect(openKernels(10).heap).not.toBe(large.heap)
    expect(simdKernels(2 ** 29 + 1)).toBeNull()
  })

  it('are TypeScript where a security policy forbids WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', {
      Module: () => {
        throw new Error('blocked')
      },
    })
    vi.resetModules()
    const { openKernels: open, simdKernels: simd } = await import('./open.ts')
    try {
      expect(simd(10)).toBeNull()
      expect(open(10).heap).toHaveLength(10)
    } finally {
      vi.unstubAllGlobals()
      vi.resetModules()
    }
  })
})

describe('squares', () => {
  it.each([1, 32, 33, 150])('adds %i rows', (rows) => {
    const n = 8
    const kernels = plainKernels(squaresHeap(n))
    kernels.heap.fill(NaN)
    const sum = squares(kernels, n)
    const x = new Float64Array(padded(n))
    for (let p = 0; p < rows; p++) {
      for (let j = 0; j < n; j++) x[j] = ((p * 7 + j * 3) % 5) - 2
      sum.add(x, 0)
    }
    sum.finish()
    sum.finish()
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) {
        let expected = 0
        for (let p = 0; p < rows; p++) expected += (((p * 7 + i * 3) % 5) - 2) * (((p * 7 + j * 3) % 5) - 2)
        expect(kernels.heap[inTiles(i, j)]).toBe(expected)
      }
  })
})

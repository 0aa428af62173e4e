import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { normals } from '../random/sequence.ts'
import { ShapeError } from '../ops/shape.ts'
import { eigenvaluesInTiles, heapOf, symmetricEigenvalues } from './eigen.ts'
import { tridiagonalEigenvalues } from './eigenQl.ts'
import { inTiles, padded, tiledLength } from './kernels/kernels.ts'
import { openKernels } from './kernels/open.ts'
import { plainKernels } from './kernels/plain.ts'

const seed = 13

/** Symmetric with normal entries. */
const randomSymmetric = (n: number, key: number): Float64Array => {
  const z = normals({ seed: key }, n * n)
  return Float64Array.from({ length: n * n }, (_, e) => {
    const [i, j] = [Math.floor(e / n), e % n]
    return z[Math.max(i, j) * n + Math.min(i, j)]!
  })
}

/** H D H for the reflection H = I - 2 v v^T / v^T v: a full symmetric matrix with a known spectrum. */
const withSpectrum = (spectrum: ReadonlyArray<number>, key: number): Float64Array => {
  const n = spectrum.length
  const v = normals({ seed: key }, n)
  const length = v.reduce((a, x) => a + x * x, 0)
  const h = (i: number, j: number): number => (i === j ? 1 : 0) - (2 * v[i]! * v[j]!) / length
  return Float64Array.from({ length: n * n }, (_, e) => {
    let total = 0
    for (let k = 0; k < n; k++) total += h(Math.floor(e / n), k) * spectrum[k]! * h(k, e % n)
    return total
  })
}

interface Golden {
  readonly kind: keyof typeof matrices
  readonly n: number
  readonly eigenvalues: ReadonlyArray<number>
}

const goldens = JSON.parse(
  readFileSync(new URL('../../goldens/eigenvalues.json', import.meta.url), 'utf8'),
) as ReadonlyArray<Golden>

const filled = (n: number, entry: (i: number, j: number) => number): Float64Array =>
  Float64Array.from({ length: n * n }, (_, e) => entry(Math.floor(e / n), e % n))
const integer = (i: number, j: number): number => ((37 * i * j + 101 * (i + j) + 13 * i * i * j * j) % 1009) - 504
const feature = (i: number, j: number): number => ((37 * i * j + 101 * i + 7 * j + 13 * i * i * j) % 11) - 5

/** The matrices of goldens/make_eigenvalues.py. */
const matrices = {
  integers: (n: number) => filled(n, integer),
  gram: (n: number) =>
    filled(n, (i, j) => {
      let total = 0
      for (let k = 0; k < Math.floor(n / 4); k++) total += feature(i, k) * feature(j, k)
      return total
    }),
  graded: (n: number) => filled(n, (i, j) => integer(i, j) * 2 ** -(i + j)),
}

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

describe('symmetricEigenvalues', () => {
  it('gives 1 and 3 for [[2, 1], [1, 2]], and the diagonal of a diagonal matrix in order', () => {
    const [low, high] = symmetricEigenvalues({ n: 2, data: [2, 1, 1, 2] })
    expect(low).toBeCloseTo(1, 14)
    expect(high).toBeCloseTo(3, 14)
    expect(Array.from(symmetricEigenvalues({ n: 3, data: [3, 0, 0, 0, -1, 0, 0, 0, 2] }))).toEqual([-1, 2, 3])
  })

  it('is empty for n = 0, the entry for n = 1, and zeros for the zero matrix', () => {
    expect(symmetricEigenvalues({ n: 0, data: [] })).toHaveLength(0)
    expect(Array.from(symmetricEigenvalues({ n: 1, data: [-4] }))).toEqual([-4])
    expect(Array.from(symmetricEigenvalues({ n: 2, data: [0, 0, 0, 0] }))).toEqual([0, 0])
  })

  it('knows the spectrum of the chain 2, -1: 2 - 2 cos(k pi / (n + 1))', () => {
    const n = 60
    const data = Float64Array.from({ length: n * n }, (_, e) => {
      const distance = Math.abs(Math.floor(e / n) - (e % n))
      return distance === 0 ? 2 : distance === 1 ? -1 : 0
    })
    symmetricEigenvalues({ n, data }).forEach((value, k) =>
      expect(value).toBeCloseTo(2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)), 13),
    )
  })

  it('knows the spectrum of a constant matrix: n once and 0 otherwise', () => {
    const values = symmetricEigenvalues({ n: 5, data: new Float64Array(25).fill(1) })
    expect(values[4]).toBeCloseTo(5, 13)
    for (let k = 0; k < 4; k++) expect(Math.abs(values[k]!)).toBeLessThan(1e-14)
  })

  it('does not cancel where a row is tridiagonal up to 1e-10', () => {
    for (const sign of [1, -1]) {
      const near = symmetricEigenvalues({ n: 3, data: [2, 0.5, 1e-10, 0.5, 3, sign, 1e-10, sign, 4] })
      const exact = symmetricEigenvalues({ n: 3, data: [2, 0.5, 0, 0.5, 3, sign, 0, sign, 4] })
      near.forEach((value, k) => expect(Math.abs(value - exact[k]!)).toBeLessThan(1e-9))
    }
  })

  it('neither overflows nor vanishes', () => {
    for (const size of [1e-200, 1e200]) {
      const [low, high] = symmetricEigenvalues({ n: 2, data: [2 * size, size, size, 2 * size] })
      expect(low! / size).toBeCloseTo(1, 13)
      expect(high! / size).toBeCloseTo(3, 13)
    }
  })

  it('finds a large random matrix’s trace and Frobenius norm again', () => {
    const n = 200
    const data = randomSymmetric(n, 3)
    const values = symmetricEigenvalues({ n, data })
    let trace = 0
    for (let i = 0; i < n; i++) trace += data[i * n + i]!
    const squares = data.reduce((a, x) => a + x * x, 0)
    expect(values.reduce((a, x) => a + x, 0)).toBeCloseTo(trace, 9)
    expect(values.reduce((a, x) => a + x * x, 0) / squares).toBeCloseTo(1, 12)
    expect(Array.from(values)).toEqual(Array.from(values).sort((a, b) => a - b))
  })

  it('property: recovers a prescribed spectrum, repeated and graded eigenvalues included', () => {
    const value = fc.oneof(fc.constantFrom(0, 1, 1e-9, 1e6), fc.double({ min: -10, max: 10, noNaN: true }))
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 24 }),
        fc.integer({ min: 0, max: 1000 }),
        (spectrum, key) => {
          const n = spectrum.length
          const sorted = [...spectrum].sort((a, b) => a - b)
          const size = Math.max(1e-300, ...spectrum.map(Math.abs))
          symmetricEigenvalues({ n, data: withSpectrum(spectrum, key) }).forEach((found, k) =>
            expect(Math.abs(found - sorted[k]!) / size).toBeLessThan(1e-13),
          )
        },
      ),
      { seed, numRuns: 60 },
    )
  })

  it('reads the lower triangle only and leaves its input alone', () => {
    const data = Float64Array.of(2, 99, 1, 2)
    expect(symmetricEigenvalues({ n: 2, data })[1]).toBeCloseTo(3, 13)
    expect(Array.from(data)).toEqual([2, 99, 1, 2])
  })

  it('refuses a matrix that is not full or not finite', () => {
    expect(() => symmetricEigenvalues({ n: 2, data: [1, 2, 3] })).toThrow(
      new ShapeError('3 numbers do not fill a [2, 2] matrix'),
    )
    expect(() => symmetricEigenvalues({ n: 1, data: [NaN] })).toThrow(RangeError)
    expect(() => symmetricEigenvalues({ n: 2, data: [1, 0, Infinity, 1] })).toThrow(
      new RangeError('eigenvalues of a matrix with an entry that is not finite'),
    )
  })

  it('cuts off a tail whose squares are denormal numbers, and reflects one that is just larger', () => {
    const exact = symmetricEigenvalues({ n: 4, data: [1, 0.5, 0.25, 0, 0.5, 2, 0.5, 0, 0.25, 0.5, 3, 0, 0, 0, 0, 4] })
    for (const size of [1e-130, 1e-155, 1e-160, 1e-310]) {
      const data = [1, 0.5, 0.25, size, 0.5, 2, 0.5, 2 * size, 0.25, 0.5, 3, size, size, 2 * size, size, 4]
      symmetricEigenvalues({ n: 4, data }).forEach((value, k) =>
        expect(Math.abs(value - exact[k]!)).toBeLessThan(4e-15),
      )
    }
  })

  it('gives up on numbers that cannot converge', () => {
    const stuck = { diagonal: Float64Array.of(1, NaN, 2), below: Float64Array.of(0, 1, 1) }
    expect(() => tridiagonalEigenvalues(stuck)).toThrow(
      new RangeError('eigenvalue 0 of 3 did not converge in 60 sweeps'),
    )
  })

  it('needs no more of a heap than it says, and nothing of what is in it', () => {
    for (const n of [3, 20, 37]) {
      const kernels = plainKernels(heapOf(n))
      kernels.heap.fill(NaN)
      const data = randomSymmetric(n, n)
      kernels.heap.fill(0, 0, tiledLength(padded(n)))
      for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) kernels.heap[inTiles(i, j)] = data[i * n + j]!
      expect(eigenvaluesInTiles(kernels, n)).toEqual(symmetricEigenvalues({ n, data }))
    }
  })

  it('cuts off sub-diagonal entries by their size beside the others', () => {
    for (const size of [1e-100, 1e100]) {
      const pair = { diagonal: Float64Array.of(2 * size, 2 * size), below: Float64Array.of(0, size) }
      const [one, other] = tridiagonalEigenvalues(pair).sort()
      expect(one! / size).toBeCloseTo(1, 13)
      expect(other! / size).toBeCloseTo(3, 13)
    }
  })

  it('knows both eigenvalues of a pair', () => {
    for (const [value, key] of [
      [
        [0, 3, 3, 0],
        [-3, 3],
      ],
      [
        [-2, 1, 1, -2],
        [-3, -1],
      ],
      [
        [1, 1, 1, 1],
        [0, 2],
      ],
    ] as const)
      symmetricEigenvalues({ n: 2, data: value }).forEach((found, k) => expect(found).toBeCloseTo(key[k]!, 14))
  })

  it.each(goldens.map((golden) => [`${golden.kind}, n = ${golden.n}`, golden] as const))(
    'golden: agrees with LAPACK to 1e-12 of the largest (%s)',
    (_, { kind, n, eigenvalues }) => {
      const largest = Math.max(...eigenvalues.map(Math.abs))
      const found = symmetricEigenvalues({ n, data: matrices[kind](n) })
      expect(found).toHaveLength(n)
      found.forEach((value, k) => expect(Math.abs(value - eigenvalues[k]!) / largest).toBeLessThan(1e-12))
    },
  )

  it('does not depend on what was computed before, nor on what a failure left behind', () => {
    const small = { n: 7, data: randomSymmetric(7, 5) }
    const first = symmetricEigenvalues(small)
    openKernels(heapOf(7)).heap.fill(NaN)
    expect(symmetricEigenvalues(small)).toEqual(first)
    symmetricEigenvalues({ n: 90, data: randomSymmetric(90, 6).map((x) => x * 1e300) })
    expect(symmetricEigenvalues(small)).toEqual(first)
  })

  it('property: gives the same bits without WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', undefined)
    vi.resetModules()
    const { symmetricEigenvalues: plain } = await import('./eigen.ts')
    vi.unstubAllGlobals()
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(1000), (n, key) => {
        const matrix = { n, data: randomSymmetric(n, key) }
        expect(plain(matrix)).toEqual(symmetricEigenvalues(matrix))
      }),
      { seed, numRuns: 30 },
    )
  })
})

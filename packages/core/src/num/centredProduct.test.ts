import { describe, expect, it } from 'vitest'
import { normals } from '../random/sequence.ts'
import { centredColumns, centredProduct, gram } from './centredProduct.ts'
import { symmetricEigenvalues } from './eigen.ts'
import { transposed } from './matrix.ts'

describe('centredColumns', () => {
  it('subtracts the mean row', () => {
    expect(Array.from(centredColumns({ rows: 2, cols: 2, data: [1, 10, 3, 30] }).data)).toEqual([-1, -10, 1, 10])
  })

  it('makes a constant column exactly 0, whatever its mean rounds to', () => {
    const data = Float64Array.from({ length: 14 }, (_, e) => (e % 2 === 0 ? 0.9 : e))
    const centred = centredColumns({ rows: 7, cols: 2, data }).data
    for (let i = 0; i < 7; i++) expect(Math.abs(centred[2 * i]!)).toBe(0)
  })

  it('keeps small differences on a large offset', () => {
    const centred = centredColumns({ rows: 3, cols: 1, data: [1e9, 1e9 + 0.25, 1e9 + 0.5] }).data
    expect(Array.from(centred)).toEqual([-0.25, 0, 0.25])
  })
})

describe('gram', () => {
  it('holds the inner products of rows, in both triangles', () => {
    const { n, data } = gram({ rows: 3, cols: 2, data: [1, 2, 3, 4, 5, 6] })
    expect(n).toBe(3)
    expect(Array.from(data)).toEqual([5, 11, 17, 11, 25, 39, 17, 39, 61])
  })
})

describe('centredProduct', () => {
  it('has the same non-zero eigenvalues whichever side is smaller', () => {
    const features = { rows: 9, cols: 4, data: normals({ seed: 5 }, 36) }
    const small = centredProduct(features)
    expect(small.n).toBe(4)
    const large = gram(centredColumns(features))
    expect(large.n).toBe(9)
    const eigenvalues = symmetricEigenvalues(large).map((value) => value / 8)
    symmetricEigenvalues(small).forEach((value, k) => expect(value).toBeCloseTo(eigenvalues[5 + k]!, 12))
    expect(centredProduct(transposed(features)).n).toBe(4)
  })

  it('refuses what does not fill the matrix', () => {
    for (const product of [gram, centredColumns, centredProduct])
      expect(() => product({ rows: 2, cols: 2, data: [1, 2, 3] })).toThrow('3 numbers do not fill a [2, 2] matrix')
  })

  it('is that of the rows where both sides are equal', () => {
    expect(Array.from(centredProduct({ rows: 2, cols: 2, data: [0, 0, 2, 4] }).data)).toEqual([5, -5, -5, 5])
  })

  it('is the covariance: 2 for the column 0, 2, divided by P - 1', () => {
    expect(Array.from(centredProduct({ rows: 2, cols: 1, data: [0, 2] }).data)).toEqual([2])
  })
})

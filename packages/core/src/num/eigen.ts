import { ShapeError } from '../ops/shape.ts'
import { tridiagonalEigenvalues } from './eigenQl.ts'
import { tridiagonal, workspaceOf } from './eigenTridiagonal.ts'
import { inTileRow, inTiles, padded, tiledLength, type Kernels } from './kernels/kernels.ts'
import { openKernels } from './kernels/open.ts'
import type { SquareMatrix } from './matrix.ts'

/**
 * Eigenvalues of a real symmetric matrix, without vectors: Householder reduction to tridiagonal form, then implicitly shifted QL.
 * 4/3 n^3 + O(n^2) operations, on WebAssembly's SIMD where there is one and otherwise in TypeScript, with the same bits; backward stable,
 * errors about 1e-15 times the largest eigenvalue.
 *
 * @param matrix - [n, n], row-major, finite, symmetric; only the lower triangle is read
 * @returns [n], ascending
 * @throws ShapeError when the data does not fill the matrix; RangeError for an entry that is not finite
 */
export const symmetricEigenvalues = ({ n, data }: SquareMatrix): Float64Array => {
  if (data.length !== n * n) throw new ShapeError(`${data.length} numbers do not fill a [${n}, ${n}] matrix`)
  const kernels = openKernels(heapOf(n))
  const { heap } = kernels
  heap.fill(0, 0, tiledLength(padded(n)))
  for (let i = 0; i < n; i++) {
    const row = inTiles(i, 0)
    for (let j = 0; j <= i; j++) heap[row + inTileRow(j)] = data[i * n + j]!
  }
  return eigenvaluesInTiles(kernels, n)
}

/** Numbers of a heap for `eigenvaluesInTiles` of an [n, n] matrix. */
export const heapOf = (n: number): number => tiledLength(padded(n)) + workspaceOf(n)

/**
 * Eigenvalues of the symmetric matrix that lies in tiles at the beginning of the heap; overwrites it and the workspace behind it.
 *
 * @returns [n], ascending
 * @throws RangeError for an entry that is not finite
 */
export const eigenvaluesInTiles = (kernels: Kernels, n: number): Float64Array => {
  const matrix = kernels.heap.subarray(0, tiledLength(padded(n)))
  let scale = 0
  for (let i = 0; i < matrix.length; i++) {
    const entry = Math.abs(matrix[i]!)
    if (entry <= scale) continue
    if (!Number.isFinite(entry)) throw new RangeError('eigenvalues of a matrix with an entry that is not finite')
    scale = entry
  }
  if (scale === 0) return new Float64Array(n)
  // Entries of size 1 keep squares away from overflow and underflow.
  for (let i = 0; i < matrix.length; i++) matrix[i]! /= scale
  const values = tridiagonalEigenvalues(tridiagonal(kernels, n))
  for (let i = 0; i < n; i++) values[i]! *= scale
  return values.sort()
}

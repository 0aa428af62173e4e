import { ShapeError } from '../ops/shape.ts'
import { eigenvaluesInTiles, heapOf } from './eigen.ts'
import { inTiles, padded, type Kernels } from './kernels/kernels.ts'
import { freshKernels, openKernels } from './kernels/open.ts'
import { squares, squaresHeap, type Squares } from './kernels/squares.ts'
import { checkMatrix, type Matrix } from './matrix.ts'

/** A product whose squares are all below this has been rounded among denormal numbers, or soon will be. */
const TINY = 2 ** -900

/** Columns that are read together: one cache line of each row holds eight numbers. */
const COLUMNS = 8

/**
 * Eigenvalues of the smaller centred product of a feature matrix, up to a common factor.
 *
 *   C = (F - 1 mu^T)(F - 1 mu^T)^T  [P, P],  or (F - 1 mu^T)^T (F - 1 mu^T)  [d, d] when d < P       (paper, eq. 5-7)
 *
 * Both have the same non-zero eigenvalues. The product grows by panels of rows or columns, so beside the features only half of it is in
 * memory. Features are brought to size 1 by a power of two before they are centred, and once more where what is left is tiny: squares
 * neither overflow nor vanish.
 *
 * @param features - F, [P, d], P >= 1, d >= 1
 * @returns [min(P, d)], ascending, non-negative up to rounding
 * @throws ShapeError when the data does not fill the matrix; RangeError for a feature that is not finite
 */
export const centredSpectrum = (features: Matrix): Float64Array => {
  checkMatrix(features)
  const { rows, cols, data } = features
  const factor = toUnit(largestFinite(data))
  const shift = firstRow(features, factor)
  const centre = { factor, shift, mu: meanOf(features, { factor, shift }) }
  const n = Math.min(rows, cols)
  const kernels = openKernels(heapFor(n))
  addCentred(squares(kernels, n), features, centre, 1)
  if (largestDiagonal(kernels, n) < TINY)
    addCentred(squares(kernels, n), features, centre, toUnit(spreadOf(features, centre)))
  return eigenvaluesInTiles(kernels, n)
}

/** Features f are seen as f * factor - shift - mu. */
interface Centre {
  readonly factor: number
  readonly shift: Float64Array
  readonly mu: Float64Array
}

/** The centred features times `scale`, row by row or column by column, whichever are shorter. */
const addCentred = (sum: Squares, { rows, cols, data }: Matrix, { factor, shift, mu }: Centre, scale: number): void => {
  const size = padded(Math.min(rows, cols))
  if (rows > cols) {
    const x = new Float64Array(size)
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) x[j] = (data[i * cols + j]! * factor - shift[j]! - mu[j]!) * scale
      sum.add(x, 0)
    }
  } else {
    const block = new Float64Array(COLUMNS * size)
    for (let first = 0; first < cols; first += COLUMNS) {
      const count = Math.min(COLUMNS, cols - first)
      for (let i = 0; i < rows; i++)
        for (let c = 0; c < count; c++) {
          const j = first + c
          block[c * size + i] = (data[i * cols + j]! * factor - shift[j]! - mu[j]!) * scale
        }
      for (let c = 0; c < count; c++) sum.add(block, c * size)
    }
  }
  sum.finish()
}

/** Largest sum of squares of a row or column: the size of the product, which is positive semidefinite. */
const largestDiagonal = ({ heap }: Kernels, n: number): number => {
  let size = 0
  for (let i = 0; i < n; i++) size = Math.max(size, heap[inTiles(i, i)]!)
  return size
}

/** Largest magnitude of the centred features. */
const spreadOf = ({ rows, cols, data }: Matrix, { factor, shift, mu }: Centre): number => {
  let spread = 0
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) {
      const size = Math.abs(data[i * cols + j]! * factor - shift[j]! - mu[j]!)
      if (size > spread) spread = size
    }
  return spread
}

/**
 * `centredSpectrum` of a matrix that comes as tiles of rows under each other and is never whole in memory: means and products of the tiles
 * are joined as they come (Chan, Golub and LeVeque's update), one pass, half a [d, d] matrix and one tile at a time.
 *
 * @param tiles - [P_t, d] each, the same d; read once, lazily
 * @returns [d], ascending, non-negative up to rounding; empty for no tiles
 * @throws ShapeError when a tile is not full or not as wide as the first; RangeError for a feature that is not finite
 */
export const centredSpectrumOfTiles = (tiles: Iterable<Matrix>): Float64Array => {
  let joined: ReturnType<typeof joinedTiles> | undefined
  for (const tile of tiles) {
    checkMatrix(tile)
    if (tile.data.length === 0) continue
    joined ??= joinedTiles(tile)
    joined.add(tile)
  }
  return joined === undefined ? new Float64Array(0) : joined.eigenvalues()
}

/** The sum for tiles like the first: all are divided by its size and shifted by its first row. */
const joinedTiles = (tile: Matrix): { add: (tile: Matrix) => void; eigenvalues: () => Float64Array } => {
  const { cols } = tile
  const factor = toUnit(largestFinite(tile.data))
  const shift = firstRow(tile, factor)
  // Kernels of its own: whoever makes the tiles may compute eigenvalues in between.
  const kernels: Kernels = freshKernels(heapFor(cols))
  const sum = squares(kernels, cols)
  const x = new Float64Array(padded(cols))
  const mean = new Float64Array(cols)
  let count = 0
  return {
    add: (next) => {
      const { rows, data } = next
      if (next.cols !== cols) throw new ShapeError(`a tile of ${next.cols} columns behind tiles of ${cols}`)
      largestFinite(data)
      const mu = meanOf(next, { factor, shift })
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) x[j] = data[i * cols + j]! * factor - shift[j]! - mu[j]!
        sum.add(x, 0)
      }
      const total = count + rows
      const weight = Math.sqrt((count * rows) / total)
      for (let j = 0; j < cols; j++) {
        const apart = mu[j]! - mean[j]!
        x[j] = apart * weight
        mean[j]! += (apart * rows) / total
      }
      sum.add(x, 0)
      count = total
    },
    eigenvalues: () => {
      sum.finish()
      return eigenvaluesInTiles(kernels, cols)
    },
  }
}

const heapFor = (n: number): number => Math.max(heapOf(n), squaresHeap(n))

/** Largest magnitude. @throws RangeError for an entry that is not finite */
const largestFinite = (data: ArrayLike<number>): number => {
  let size = 0
  for (let i = 0; i < data.length; i++) {
    const entry = Math.abs(data[i]!)
    if (!Number.isFinite(entry)) throw new RangeError(`feature ${i} is ${data[i]}, not a finite number`)
    if (entry > size) size = entry
  }
  return size
}

/** The power of two that brings `size` into [1, 2): a product with it is exact. 2^1022 for sizes below 2^-1022, and for 0. */
const toUnit = (size: number): number => 2 ** -Math.max(-1022, Math.floor(Math.log2(size)))

const firstRow = ({ cols, data }: Matrix, factor: number): Float64Array => {
  const row = new Float64Array(cols)
  for (let j = 0; j < cols; j++) row[j] = data[j]! * factor
  return row
}

/**
 * Column means of `factor F - 1 shift^T`. The shift is a row of the matrix, so a constant column becomes exactly 0 and a large common
 * offset costs no digits.
 */
const meanOf = (
  { rows, cols, data }: Matrix,
  { factor, shift }: { readonly factor: number; readonly shift: Float64Array },
): Float64Array => {
  const mu = new Float64Array(cols)
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) mu[j]! += data[i * cols + j]! * factor - shift[j]!
  for (let j = 0; j < cols; j++) mu[j]! /= rows
  return mu
}

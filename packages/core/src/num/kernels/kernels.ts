/**
 * The inner loops of symmetric eigenvalues and Gram matrices over one heap of float64. Positions and sizes count numbers; sizes are
 * multiples of 4, so that no kernel has a ragged end: callers pad with zeros. Every implementation adds in the same order, so all agree to
 * the bit.
 */
export interface Kernels {
  readonly heap: Float64Array
  /** q = A v, A symmetric [n, n] in tiles at `a`. */
  readonly symmetricTimes: (a: number, v: number, q: number, n: number) => void
  /** C -= sum_p x_p y_p^T + y_p x_p^T, C [n, n] in tiles at `c`; rows x_0, y_0, x_1, … of a panel of `depth` rows. */
  readonly subtractPairs: (c: number, panel: number, n: number, depth: number) => void
  /** C += sum_p x_p x_p^T, C [n, n] in tiles at `c`, over a panel of `depth` rows x_p, an even number. */
  readonly addSquares: (c: number, panel: number, n: number, depth: number) => void
  /** y[r] = sum_j M[r, j] x[j], M [rows, cols] with rows `pitch` apart. */
  readonly timesVector: (m: Rows, x: number, y: number) => void
  /** y[j] -= sum_r c[r] M[r, j], M [rows, cols] with rows `pitch` apart. */
  readonly subtractRows: (m: Rows, c: number, y: number) => void
}

/** A row-major matrix in the heap. */
export interface Rows {
  readonly at: number
  readonly pitch: number
  readonly rows: number
  readonly cols: number
}

/** Side of a tile; sizes are multiples of it. */
export const TILE = 4

/** The next multiple of `TILE`. */
export const padded = (size: number): number => Math.ceil(size / TILE) * TILE

/**
 * Where entry (i, j), j <= i, of a symmetric matrix in tiles lies: 4 x 4 tiles of the lower triangle, row by row, each 16 numbers in a row.
 * A product with the matrix then reads it from beginning to end, and half of it does not exist. Above the diagonal, the tiles on the
 * diagonal may hold anything.
 */
export const inTiles = (i: number, j: number): number => {
  const tileRow = i >>> 2
  return 8 * tileRow * (tileRow + 1) + 4 * (i & 3) + inTileRow(j)
}

/** `inTiles(i, j) - inTiles(i, 0)` */
export const inTileRow = (j: number): number => j + 3 * (j & ~3)

/** Numbers of an [n, n] matrix in tiles, n a multiple of 4. */
export const tiledLength = (n: number): number => inTiles(n, 0)

/** Where number j of row p of a panel of `depth` rows lies: four columns of all rows, then the next four. */
export const inPanel = (depth: number, p: number, j: number): number => (j & ~3) * depth + 4 * p + (j & 3)

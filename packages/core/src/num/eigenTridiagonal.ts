import { inPanel, inTileRow, inTiles, padded, TILE, tiledLength, type Kernels } from './kernels/kernels.ts'

/** Reflections gathered before the rest of the matrix is updated at once. */
const PANEL = 16
const DEPTH = 2 * PANEL

/** Diagonal and sub-diagonal of a symmetric tridiagonal matrix; `below[k]` is entry (k, k - 1). */
export interface Tridiagonal {
  readonly diagonal: Float64Array
  readonly below: Float64Array
}

/** Tails whose squares sum to less are cut off (2^-450 beside entries of size 1): their reflection would be made of denormal numbers. */
const TINY = 2 ** -900

/** Numbers that the reduction of an [n, n] matrix needs in the heap behind the matrix itself. */
export const workspaceOf = (n: number): number => 2 * DEPTH * padded(n) + 2 * DEPTH

/**
 * Orthogonal reduction of a symmetric matrix to tridiagonal form, from the last row up: row k loses all but its last entry to the reflection
 * H = I - v v^T / h, and the leading k x k block becomes A - v w^T - w v^T. These updates wait until `PANEL` of them can be done in one pass
 * over the matrix (as in LAPACK's DSYTRD); until then each row and each product with A is corrected by the pairs that wait.
 *
 * @param kernels - their heap begins with the matrix in tiles, entries of size 1; it and `workspaceOf(n)` numbers behind it are overwritten
 */
export const tridiagonal = (kernels: Kernels, n: number): Tridiagonal => {
  const { heap } = kernels
  const pitch = padded(n)
  const pairs = tiledLength(pitch) // rows v_0, w_0, v_1, w_1, …
  const panel = pairs + DEPTH * pitch
  const factors = panel + DEPTH * pitch
  const products = factors + DEPTH
  const diagonal = new Float64Array(n)
  const below = new Float64Array(n)
  heap.fill(0, pairs, panel)

  const clear = (from: number, to: number): void => {
    for (let j = from; j < to; j++) heap[j] = 0
  }

  /** Four sums side by side: one alone would wait for each addition before the next. */
  const dot = (x: number, y: number, size: number): number => {
    let [a, b, c, d] = [0, 0, 0, 0]
    for (let j = 0; j < size; j += TILE) {
      a += heap[x + j]! * heap[y + j]!
      b += heap[x + j + 1]! * heap[y + j + 1]!
      c += heap[x + j + 2]! * heap[y + j + 2]!
      d += heap[x + j + 3]! * heap[y + j + 3]!
    }
    return a + b + (c + d)
  }

  /** y -= sum over the waiting pairs of v_p (w_p x) + w_p (v_p x), given the products with x in the order of the rows */
  const correct = (waiting: number, product: (row: number) => number, y: number, cols: number): void => {
    for (let p = 0; p < waiting; p++) heap[factors + p] = product(p ^ 1)
    const rows = padded(waiting)
    heap.fill(0, factors + waiting, factors + rows)
    kernels.subtractRows({ at: pairs, pitch, rows, cols }, factors, y)
  }

  /** Reduces row k, the p-th of its panel: fills v and w, records what stays of the row. */
  const reduce = (k: number, p: number): void => {
    const v = pairs + 2 * p * pitch
    const w = v + pitch
    const size = padded(k)
    const row = inTiles(k, 0)
    for (let j = 0; j <= k; j++) heap[v + j] = heap[row + inTileRow(j)]!
    if (p > 0) correct(2 * p, (s) => heap[pairs + s * pitch + k]!, v, padded(k + 1))
    diagonal[k] = heap[v + k]!
    if (k === 0) return
    clear(v + k, v + size)
    const last = heap[v + k - 1]!
    heap[v + k - 1] = 0
    const tail = dot(v, v, size)
    if (tail < TINY) {
      below[k] = last
      clear(v, v + size)
      return
    }
    const norm = Math.sqrt(tail + last * last)
    const reflected = last > 0 ? -norm : norm // sign against cancellation
    below[k] = reflected
    heap[v + k - 1] = last - reflected
    const h = norm * norm - last * reflected
    kernels.symmetricTimes(0, v, w, size) // behind k: anything finite, which only meets zeros of v and rows that are done
    if (p > 0) {
      kernels.timesVector({ at: pairs, pitch, rows: padded(2 * p), cols: size }, v, products)
      correct(2 * p, (s) => heap[products + s]!, w, size)
    }
    // w = A v / h - half v, half so that H A H is the update by v and w
    const inverse = 1 / h
    const half = (dot(v, w, size) * inverse * inverse) / 2
    for (let j = 0; j < k; j++) heap[w + j] = heap[w + j]! * inverse - half * heap[v + j]!
  }

  /** A -= V W^T + W V^T for the leading [size, size] block. */
  const update = (size: number): void => {
    for (let j = 0; j < size; j += TILE)
      for (let p = 0; p < DEPTH; p++) {
        const from = pairs + p * pitch + j
        const to = panel + inPanel(DEPTH, p, j)
        heap[to] = heap[from]!
        heap[to + 1] = heap[from + 1]!
        heap[to + 2] = heap[from + 2]!
        heap[to + 3] = heap[from + 3]!
      }
    if (size > 0) kernels.subtractPairs(0, panel, size, DEPTH)
  }

  for (let top = n; top > 0; top -= PANEL) {
    const count = Math.min(PANEL, top)
    for (let p = 0; p < count; p++) reduce(top - 1 - p, p)
    update(padded(top - count))
  }
  return { diagonal, below }
}

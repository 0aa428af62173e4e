import { inPanel, padded, TILE, tiledLength, type Kernels } from './kernels.ts'

/** Rows that enter the product at once, an even number. Measured for 64 to 1,280 columns: 16 to 128 differ by a tenth, and 32 is best. */
const DEPTH = 32

/** A sum of squares x x^T over rows that come one at a time; only half of the [n, n] sum and one panel are in memory. */
export interface Squares {
  /** Adds x x^T, x the numbers of `data` from `at` on: as many as the next multiple of 4 of n, zeros behind n. */
  readonly add: (data: Float64Array, at: number) => void
  /** Brings the last rows in: the sum then lies in tiles at the beginning of the heap. */
  readonly finish: () => void
}

/** Numbers of a heap for `squares` of n columns. */
export const squaresHeap = (n: number): number => tiledLength(padded(n)) + DEPTH * padded(n)

/** A sum of squares, at first 0, at the beginning of the kernels' heap. */
export const squares = ({ heap, addSquares }: Kernels, n: number): Squares => {
  const size = padded(n)
  const panel = tiledLength(size)
  heap.fill(0, 0, panel)
  let rows = 0
  const finish = (): void => {
    for (let j = 0; j < size && rows < DEPTH; j += TILE)
      heap.fill(0, panel + inPanel(DEPTH, rows, j), panel + inPanel(DEPTH, DEPTH, j))
    addSquares(0, panel, size, DEPTH)
    rows = 0
  }
  const add = (x: Float64Array, from: number): void => {
    for (let j = 0; j < size; j += TILE) {
      const at = panel + inPanel(DEPTH, rows, j)
      heap[at] = x[from + j]!
      heap[at + 1] = x[from + j + 1]!
      heap[at + 2] = x[from + j + 2]!
      heap[at + 3] = x[from + j + 3]!
    }
    if (++rows === DEPTH) finish()
  }
  return { add, finish: () => void (rows > 0 && finish()) }
}

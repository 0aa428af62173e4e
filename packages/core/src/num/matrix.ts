import { ShapeError } from '../ops/shape.ts'
import type { Vec } from './vec.ts'

/** A matrix, row-major. */
export interface Matrix {
  readonly rows: number
  readonly cols: number
  readonly data: Vec
}

/** A square matrix, row-major; symmetric wherever one is asked for. */
export interface SquareMatrix {
  readonly n: number
  readonly data: Vec
}

/** @throws ShapeError when the data does not fill the matrix */
export const checkMatrix = ({ rows, cols, data }: Matrix): void => {
  if (data.length !== rows * cols)
    throw new ShapeError(`${data.length} numbers do not fill a [${rows}, ${cols}] matrix`)
}

/** Rows become columns: [r, c] -> [c, r]. */
export const transposed = ({ rows, cols, data }: Matrix): Matrix => {
  const out = new Float64Array(rows * cols)
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[j * rows + i] = data[i * cols + j]!
  return { rows: cols, cols: rows, data: out }
}

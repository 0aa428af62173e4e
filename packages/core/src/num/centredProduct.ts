import { type Matrix, type SquareMatrix, checkMatrix, transposed } from './matrix.ts'

/**
 * Each column minus its mean: F - 1 mu^T. The first row is subtracted before the mean is taken, so a constant column becomes exactly 0
 * and a large common offset costs no digits.
 *
 * @param matrix - F, [P, d], P >= 1
 * @returns [P, d], columns sum to 0
 */
export const centredColumns = (matrix: Matrix): Matrix => {
  checkMatrix(matrix)
  const { rows, cols, data } = matrix
  const out = new Float64Array(rows * cols)
  const mu = new Float64Array(cols)
  for (let i = 1; i < rows; i++)
    for (let j = 0; j < cols; j++) {
      const shifted = data[i * cols + j]! - data[j]!
      out[i * cols + j] = shifted
      mu[j]! += shifted
    }
  for (let j = 0; j < cols; j++) mu[j]! /= rows
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[i * cols + j]! -= mu[j]!
  return { rows, cols, data: out }
}

/** X X^T, [r, c] -> [r, r]: inner products of rows, both triangles filled. */
export const gram = (matrix: Matrix): SquareMatrix => {
  checkMatrix(matrix)
  const { rows, cols, data } = matrix
  const out = new Float64Array(rows * rows)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++) {
      let product = 0
      for (let k = 0; k < cols; k++) product += data[i * cols + k]! * data[j * cols + k]!
      out[i * rows + j] = product
      out[j * rows + i] = product
    }
  return { n: rows, data: out }
}

/**
 * The smaller of the two centred products of a feature matrix. Both have the same non-zero eigenvalues.
 *
 *   C = (F - 1 mu^T)(F - 1 mu^T)^T / (P - 1)   [P, P]                                        (paper, eq. 5-6)
 *   or (F - 1 mu^T)^T (F - 1 mu^T) / (P - 1)   [d, d], when d < P
 *
 * @param features - F, [P, d], one row a patch, P >= 2
 * @returns positive semidefinite up to rounding
 */
export const centredProduct = (features: Matrix): SquareMatrix => {
  const centred = centredColumns(features)
  const { n, data } = gram(centred.rows <= centred.cols ? centred : transposed(centred))
  const out = new Float64Array(data.length)
  for (let i = 0; i < out.length; i++) out[i] = data[i]! / (features.rows - 1)
  return { n, data: out }
}

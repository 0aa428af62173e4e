import { ShapeError, sizeOf } from '../shape.ts'
import type { Transposes } from '../tensorOps.ts'
import { refTensor, type RefTensor } from './tensor.ts'

export const matmul = (a: RefTensor, b: RefTensor, transposes: Transposes = {}): RefTensor => {
  const { transposeA = false, transposeB = false } = transposes
  const rank = a.shape.length
  const flags = `${transposeA ? ' transposed' : ''} x [${b.shape}]${transposeB ? ' transposed' : ''}`
  const batch = a.shape.slice(0, rank - 2)
  if (rank < 2 || b.shape.length !== rank || batch.some((n, axis) => n !== b.shape[axis])) {
    throw new ShapeError(`matmul: [${a.shape}]${flags} needs equal ranks of at least 2 and equal leading axes`)
  }
  const [rowsA, columnsA] = [a.shape[rank - 2]!, a.shape[rank - 1]!]
  const [rowsB, columnsB] = [b.shape[rank - 2]!, b.shape[rank - 1]!]
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA]
  const [kOfB, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB]
  if (k !== kOfB) throw new ShapeError(`matmul: [${a.shape}]${flags} has inner sizes ${k} and ${kOfB}`)

  const [aRow, aInner] = transposeA ? [1, columnsA] : [columnsA, 1]
  const [bInner, bColumn] = transposeB ? [1, columnsB] : [columnsB, 1]
  const items = sizeOf(batch)
  const data = new Float64Array(items * m * n)
  for (let item = 0; item < items; item++) {
    const [startA, startB] = [item * m * k, item * k * n]
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let total = 0
        for (let l = 0; l < k; l++) {
          total += a.data[startA + i * aRow + l * aInner]! * b.data[startB + l * bInner + j * bColumn]!
        }
        data[(item * m + i) * n + j] = total
      }
    }
  }
  return refTensor([...batch, m, n], data)
}

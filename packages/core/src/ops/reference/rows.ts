import { ShapeError } from '../shape.ts'
import type { Ids, TokenScores } from '../tensorOps.ts'
import { refTensor, type RefTensor } from './tensor.ts'

const checkIds = (operation: string, ids: Ids, limit: number, shape: RefTensor['shape']): void => {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (!Number.isInteger(id) || id < 0 || id >= limit) {
      throw new ShapeError(`${operation}: id ${id} at position ${i} is outside 0..${limit - 1} of [${shape}]`)
    }
  }
}

export const embedding = (table: RefTensor, ids: Ids): RefTensor => {
  if (table.shape.length !== 2) throw new ShapeError(`embedding: the table must be [V, d], got [${table.shape}]`)
  const [rows, width] = [table.shape[0]!, table.shape[1]!]
  checkIds('embedding', ids, rows, table.shape)
  const data = new Float64Array(ids.length * width)
  for (let i = 0; i < ids.length; i++) {
    data.set(table.data.subarray(ids[i]! * width, (ids[i]! + 1) * width), i * width)
  }
  return refTensor([ids.length, width], data)
}

/** ln p = z - m - ln sum e^(z - m), with m the row's maximum; entropy = -sum p ln p, where p = 0 adds 0. */
export const selectiveLogSoftmax = (logits: RefTensor, ids: Ids): TokenScores<RefTensor> => {
  const [rows, width] = [logits.shape[0], logits.shape[1]]
  if (logits.shape.length !== 2 || rows === undefined || width === undefined || rows !== ids.length) {
    throw new ShapeError(`selectiveLogSoftmax: logits [${logits.shape}] and ${ids.length} ids are not [N, V] and N`)
  }
  checkIds('selectiveLogSoftmax', ids, width, logits.shape)
  const logprob = new Float64Array(rows)
  const entropy = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const z = logits.data.subarray(row * width, (row + 1) * width)
    const shift = z.reduce((a, b) => Math.max(a, b), -Infinity)
    const normaliser = shift + Math.log(z.reduce((total, value) => total + Math.exp(value - shift), 0))
    logprob[row] = z[ids[row]!]! - normaliser
    for (const value of z) {
      const logp = value - normaliser
      if (logp > -Infinity) entropy[row]! -= Math.exp(logp) * logp
    }
  }
  return { logprob: refTensor([rows], logprob), entropy: refTensor([rows], entropy) }
}

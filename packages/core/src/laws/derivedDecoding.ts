import { derivedRotary, scale } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'

export interface DecodingCase<T> {
  /** S tokens of each of N rollouts, [S, N, (H + 2 KV) * hd]. */
  readonly qkv: T
  /** [N, 1, hd]. */
  readonly cos: T
  readonly sin: T
  /** [P * KV, Tp, hd]. */
  readonly keys: T
  readonly values: T
  readonly lengths: ReadonlyArray<number>
}

/** Sizes of a case, from its shapes. */
export const decodingSizes = <T>(ops: TensorOps<T>, { qkv, keys, lengths }: DecodingCase<T>) => {
  const [steps = 0, tokens = 0, width = 0] = ops.shape(qkv)
  const [pairs = 0, , headDim = 0] = ops.shape(keys)
  const keyHeads = pairs / lengths.length
  return { steps, tokens, width, headDim, keyHeads, heads: width / headDim - 2 * keyHeads }
}

/** The s-th token of every rollout, [N, (H + 2 KV) * hd]. */
export const tokenAt = <T>(ops: TensorOps<T>, qkv: T, step: number): T => {
  const [, tokens = 0, width = 0] = ops.shape(qkv)
  return ops.reshape(ops.slice(qkv, [step, 0, 0], [1, tokens, width]), [tokens, width])
}

/**
 * What `decodingAttention` must give for S tokens one after another, one head of one rollout at a time: mixed values of all, [S * N, H * hd].
 */
export const derivedDecoding = <T>(ops: TensorOps<T>, one: DecodingCase<T>): T => {
  const { steps, tokens, headDim, keyHeads, heads } = decodingSizes(ops, one)
  const [group, rollouts] = [heads / keyHeads, tokens / one.lengths.length]
  const columns = (x: T, start: number, count: number): T => ops.slice(x, [0, start], [tokens, count])
  const cell = (x: T, row: number, head: number): T => ops.slice(x, [row, head * headDim], [1, headDim])
  const history = Array.from({ length: steps }, (_, step) => {
    const token = tokenAt(ops, one.qkv, step)
    const own = heads * headDim
    return {
      queries: derivedRotary(ops, columns(token, 0, own), one.cos, one.sin),
      keys: derivedRotary(ops, columns(token, own, keyHeads * headDim), one.cos, one.sin),
      values: columns(token, own + keyHeads * headDim, keyHeads * headDim),
    }
  })
  const mixed = history.flatMap(({ queries }, step) =>
    Array.from({ length: tokens }, (_, n) => {
      const chunk = Math.floor(n / rollouts)
      const ofHeads = Array.from({ length: heads }, (_, head) => {
        const j = Math.floor(head / group)
        const before = (table: T, part: 'keys' | 'values'): T =>
          ops.concat(
            [
              ops.reshape(ops.slice(table, [chunk * keyHeads + j, 0, 0], [1, one.lengths[chunk]!, headDim]), [
                one.lengths[chunk]!,
                headDim,
              ]),
              ...history.slice(0, step + 1).map((past) => cell(past[part], n, j)),
            ],
            0,
          ) // [length + step + 1, hd]
        const scores = ops.matmul(cell(queries, n, head), before(one.keys, 'keys'), { transposeB: true })
        return ops.matmul(ops.softmax(scale(ops, scores, headDim ** -0.5)), before(one.values, 'values'))
      })
      return ops.concat(ofHeads, 1)
    }),
  )
  return ops.concat(mixed, 0)
}

import type { Tensor, Tf } from '../tf.ts'
import { together, type Kernel } from './define.ts'
import type { RowAttributes } from './rows.ts'

type HeadAttributes = RowAttributes & { readonly rowsAtOnce: number }

interface Block {
  readonly start: number
  readonly count: number
}

const blocksOf = (rows: number, rowsAtOnce: number): ReadonlyArray<Block> =>
  Array.from({ length: Math.ceil(rows / rowsAtOnce) }, (_, i) => ({
    start: i * rowsAtOnce,
    count: Math.min(rowsAtOnce, rows - i * rowsAtOnce),
  }))

const rowsOf = (tf: Tf, x: Tensor, { start, count }: Block): Tensor => tf.slice(x, [start, 0], [count, x.shape[1]!])

/** Scores of the chosen tokens, a block of rows at a time: x [N, d], table [V, d] -> [N], [N]. A block's logits are freed before the next. */
export const headScores = (tf: Tf): Kernel => ({
  name: 'DurianHeadScores',
  forward: ({ x, table }, { ids, rowsAtOnce }: HeadAttributes) => {
    const scored = blocksOf(x!.shape[0], rowsAtOnce).map((block) =>
      tf.tidy(() => {
        const logits = tf.matMul(rowsOf(tf, x!, block), table!, false, true) // [n, V]
        return tf.engine().runKernel('DurianSelectiveLogSoftmax', { logits }, { ids: idsOf(ids, block) as never })
      }),
    ) as unknown as ReadonlyArray<readonly [logprob: Tensor, entropy: Tensor]>
    return [tf.concat1d(scored.map(([logprob]) => logprob as never)), tf.concat1d(scored.map((s) => s[1] as never))]
  },
  gradient: {
    saveInputs: ['x', 'table'],
    pullBack: ([dy], [x, table], attributes: HeadAttributes) => {
      const [dx, dtable] = tf
        .engine()
        .runKernel<Tensor[]>('DurianHeadScoresGrad', { dy: dy!, x: x!, table: table! }, attributes)
      return together({ x: dx!, table: dtable! })
    },
  },
})

/** Per block, with its logits made anew: D = (onehot - softmax) dy; dx = D table, dtable = sum D^T x. */
export const headScoresGrad = (tf: Tf): Kernel => ({
  name: 'DurianHeadScoresGrad',
  forward: ({ dy, x, table }, { ids, rowsAtOnce }: HeadAttributes) => {
    let dtable: Tensor | undefined
    const dx = blocksOf(x!.shape[0], rowsAtOnce).map((block) => {
      const [ofRows, ofTable] = tf.tidy(() => {
        const rows = rowsOf(tf, x!, block)
        const logits = tf.matMul(rows, table!, false, true) // [n, V]
        const inputs = { dy: tf.slice(dy!, [block.start], [block.count]), logits }
        const attributes = { ids: idsOf(ids, block) as never }
        const dlogits = tf.engine().runKernel<Tensor>('DurianSelectiveLogSoftmaxGrad', inputs, attributes)
        const product = tf.matMul(dlogits, rows, true, false) // [V, d]
        return [tf.matMul(dlogits, table!), dtable === undefined ? product : tf.add(dtable, product)] as [
          Tensor,
          Tensor,
        ]
      })
      dtable?.dispose()
      dtable = ofTable
      return ofRows
    })
    return [tf.concat([...dx], 0), dtable!]
  },
})

const idsOf = (ids: Int32Array, { start, count }: Block): Int32Array => ids.subarray(start, start + count)

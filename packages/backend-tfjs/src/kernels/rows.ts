import { ShapeError, type Ids } from '@durian/core'
import type { Tensor, Tf } from '../tf.ts'
import type { Kernel } from './define.ts'

/** Ids travel as attributes (the host chose them), so no kernel has to read an index tensor back. */
export type RowAttributes = { readonly ids: Int32Array }
export type EmbeddingGradAttributes = RowAttributes & { readonly rows: number }

/** @throws ShapeError when an id is not a row of the table */
export const rowIds = (operation: string, ids: Ids, limit: number): Int32Array => {
  const checked = Int32Array.from(ids)
  for (let i = 0; i < checked.length; i++) {
    const id = ids[i]!
    if (checked[i] !== id || id < 0 || id >= limit) {
      throw new ShapeError(`${operation}: id ${id} at position ${i} is outside 0..${limit - 1}`)
    }
  }
  return checked
}

/** Rows of a table. tfjs's own gather has no gradient on wasm (tensorflow/tfjs#8082) and two needless copies elsewhere. */
export const embedding = (tf: Tf): Kernel => ({
  name: 'DurianEmbedding',
  forward: ({ table }, { ids }: RowAttributes) => tf.gather(table!, tf.tensor1d(ids, 'int32')),
  gradient: {
    saveInputs: ['table'],
    pullBack: ([dy], [table], { ids }: RowAttributes) => ({
      table: () =>
        tf.engine().runKernel('DurianEmbeddingGrad', { dy: dy! }, { ids: ids as never, rows: table!.shape[0] }),
    }),
  },
})

/** [N, d] added up into the rows it came from: [V, d]. */
export const embeddingGrad = (tf: Tf): Kernel => ({
  name: 'DurianEmbeddingGrad',
  forward: ({ dy }, { ids, rows }: EmbeddingGradAttributes) =>
    tf.unsortedSegmentSum(dy!, tf.tensor1d(ids, 'int32'), rows),
})

/** At most this many logits are widened at once: 64 MB of float32 (a vocabulary of 152k has chunks of 110 rows). */
const CHUNK = 1 << 24

const rowChunks = (rows: number, width: number): ReadonlyArray<readonly [start: number, count: number]> => {
  const step = Math.max(1, Math.floor(CHUNK / Math.max(1, width)))
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => [i * step, Math.min(step, rows - i * step)] as const)
}

/** 1 at each row's id: [N, V] float32. tfjs's own oneHot writes int32 bits into float32 on wasm, and refuses V = 1. */
const oneHot = (tf: Tf, ids: Int32Array, width: number): Tensor =>
  tf.cast(tf.equal(tf.tensor2d(ids, [ids.length, 1], 'int32'), tf.range(0, width, 1, 'int32')), 'float32')

/** Log-softmax at the chosen id and the row's entropy, chunked over rows: logits [N, V] -> [N], [N]. */
export const selectiveLogSoftmax = (tf: Tf): Kernel => ({
  name: 'DurianSelectiveLogSoftmax',
  forward: ({ logits }, { ids }: RowAttributes) => {
    const [rows, width] = logits!.shape as [number, number]
    const chunks = rowChunks(rows, width).map(([start, count]) =>
      tf.tidy(() => {
        const z = tf.slice(logits!, [start, 0], [count, width])
        const shifted = tf.sub(z, tf.max(z, 1, true)) // [n, V]
        const weights = tf.exp(shifted)
        const total = tf.sum(weights, 1) // [n]
        const logTotal = tf.log(total)
        const chosen = tf.gather(
          tf.reshape(shifted, [count * width]),
          tf.tensor1d(flatIds(ids, start, count, width), 'int32'),
        )
        // entropy = ln total - sum w (z - max) / total; a weight of 0 adds 0, also where z is -Infinity
        const finite = tf.where(tf.greater(weights, 0), shifted, tf.zerosLike(shifted))
        const entropy = tf.sub(logTotal, tf.div(tf.sum(tf.mul(weights, finite), 1), total))
        return [tf.sub(chosen, logTotal), entropy] as [Tensor, Tensor]
      }),
    )
    return [
      joined(
        tf,
        chunks.map(([logprob]) => logprob),
      ),
      joined(
        tf,
        chunks.map(([, entropy]) => entropy),
      ),
    ]
  },
  gradient: {
    saveInputs: ['logits'],
    pullBack: ([dy], [logits], { ids }: RowAttributes) => ({
      logits: () =>
        tf.engine().runKernel('DurianSelectiveLogSoftmaxGrad', { dy: dy!, logits: logits! }, { ids: ids as never }),
    }),
  },
})

/** (onehot - softmax) dy: [N], [N, V] -> [N, V]. */
export const selectiveLogSoftmaxGrad = (tf: Tf): Kernel => ({
  name: 'DurianSelectiveLogSoftmaxGrad',
  forward: ({ dy, logits }, { ids }: RowAttributes) => {
    const [rows, width] = logits!.shape as [number, number]
    return joined(
      tf,
      rowChunks(rows, width).map(([start, count]) =>
        tf.tidy(() => {
          const p = tf.softmax(tf.slice(logits!, [start, 0], [count, width]))
          const column = tf.reshape(tf.slice(dy!, [start], [count]), [count, 1])
          return tf.mul(tf.sub(oneHot(tf, ids.subarray(start, start + count), width), p), column)
        }),
      ),
    )
  },
})

const flatIds = (ids: Int32Array, start: number, count: number, width: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => i * width + ids[start + i]!)

const joined = (tf: Tf, chunks: ReadonlyArray<Tensor>): Tensor =>
  chunks.length === 1 ? chunks[0]! : tf.concat([...chunks], 0)

import type { AttentionInputs, TensorOps } from './tensorOps.ts'

/** Softmax attention of S runs, each over its own keys and those it shares. The backend's kernel where it has one, in which no scores are kept. */
export const attention = <T>(ops: TensorOps<T>, queries: T, inputs: AttentionInputs<T>): T =>
  ops.fused?.attention === undefined ? derivedAttention(ops, queries, inputs) : ops.fused.attention(queries, inputs)

/** attention from primitives alone: what a fused kernel must equal. Queries that meet the same shared keys meet them in one product. */
export const derivedAttention = <T>(
  ops: TensorOps<T>,
  queries: T, // [S, n, hd]
  { keys, values, shared, mask }: AttentionInputs<T>,
): T => {
  const [runs = 0, rows = 0, headDim = 0] = ops.shape(queries)
  const own = ops.shape(keys)[1]!
  const toOwn = ops.matmul(queries, keys, { transposeB: true }) // [S, n, t]
  if (shared === undefined) return ops.matmul(ops.softmax(masked(ops, toOwn, mask)), values)
  const [sets = 0, count = 0] = ops.shape(shared.keys)
  const together = [sets, (runs / sets) * rows, headDim]
  const toShared = ops.matmul(ops.reshape(queries, together), shared.keys, { transposeB: true }) // [S', S/S' n, Tp]
  const scores = ops.concat([ops.reshape(toShared, [runs, rows, count]), toOwn], 2)
  const shares = ops.softmax(masked(ops, scores, mask)) // [S, n, Tp + t]
  const sharedShares = ops.reshape(ops.slice(shares, [0, 0, 0], [runs, rows, count]), [sets, together[1]!, count])
  const ownShares = ops.slice(shares, [0, 0, count], [runs, rows, own])
  const ofShared = ops.reshape(ops.matmul(sharedShares, shared.values), [runs, rows, headDim])
  return ops.add(ofShared, ops.matmul(ownShares, values))
}

/** scores + mask, a mask for each of M lots of neighbouring runs: [S, n, keys], [M, n or 1, keys] -> [S, n, keys]. */
const masked = <T>(ops: TensorOps<T>, scores: T, mask: T | undefined): T => {
  if (mask === undefined) return scores
  const shape = ops.shape(scores)
  const [runs, rows, keys] = shape as readonly [number, number, number]
  const [lots = 1, maskRows = 1] = ops.shape(mask)
  if (lots === 1) return ops.add(scores, ops.reshape(mask, [maskRows, keys]))
  const byMask = ops.reshape(scores, [lots, runs / lots, rows, keys])
  return ops.reshape(ops.add(byMask, ops.reshape(mask, [lots, 1, maskRows, keys])), shape)
}

import { binaryOps, clip, unaryOps } from './reference/elementwise.ts'
import { concat, reshape, slice, transpose } from './reference/layout.ts'
import { matmul } from './reference/matmul.ts'
import { cumsum, max, softmax, sum } from './reference/reduce.ts'
import { embedding, selectiveLogSoftmax } from './reference/rows.ts'
import { refFromHost, type RefTensor } from './reference/tensor.ts'
import type { TensorOps } from './tensorOps.ts'

export type { RefTensor } from './reference/tensor.ts'

/**
 * The algebra in slow, obvious float64 TypeScript: the specification of every primitive, and what the law suite compares with.
 * Every tensor is immutable; misuse throws ShapeError with the shapes in the message.
 */
export const referenceOps: TensorOps<RefTensor> = {
  fromHost: refFromHost,
  shape: (x) => x.shape,
  ...binaryOps,
  ...unaryOps,
  clip,
  sum,
  max,
  cumsum,
  softmax,
  matmul,
  reshape,
  transpose,
  slice,
  concat,
  embedding,
  selectiveLogSoftmax,
}

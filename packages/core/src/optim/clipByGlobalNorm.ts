import { scalar } from '../ops/derived.ts'
import { sizeOf } from '../ops/shape.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { Params } from '../port/backend.ts'

export interface ClippedGradients<T> {
  readonly grads: Params<T>
  /** Norm before clipping, []. */
  readonly norm: T
}

/** sqrt of the sum of squares over all tensors together, []; 0 without any. */
export const globalNorm = <T>(ops: TensorOps<T>, grads: Params<T>): T => {
  if (ops.fused?.squaredNorm !== undefined && Object.keys(grads).length > 0)
    return ops.sqrt(ops.fused.squaredNorm(Object.values(grads)))
  const squares = Object.values(grads).map((g) => ops.sum(ops.reshape(ops.square(g), [sizeOf(ops.shape(g))]), 0)) // [1] each
  if (squares.length === 0) return scalar(ops, 0)
  return ops.reshape(ops.sqrt(ops.sum(ops.concat(squares, 0), 0)), [])
}

/**
 * Gradients scaled to a global norm of at most `maxNorm`: g * min(1, maxNorm / (norm + 1e-6)), as `torch.nn.utils.clip_grad_norm_`.
 * The norm is a tensor, so nothing is read; a NaN or infinite norm shows in it, and the caller decides whether to skip the step.
 */
export const clipByGlobalNorm =
  <T>(ops: TensorOps<T>, maxNorm: number) =>
  (grads: Params<T>): ClippedGradients<T> => {
    const norm = globalNorm(ops, grads)
    const factor = ops.minimum(ops.div(scalar(ops, maxNorm), ops.add(norm, scalar(ops, 1e-6))), scalar(ops, 1))
    const names = Object.keys(grads)
    const clipped = scaled(ops, Object.values(grads), factor)
    return { grads: Object.fromEntries(names.map((name, i) => [name, clipped[i]!])), norm }
  }

/** Every tensor times one number, []. The backend's kernel where it has one, which takes several at once. */
const scaled = <T>(ops: TensorOps<T>, xs: ReadonlyArray<T>, factor: T): ReadonlyArray<T> =>
  ops.fused?.scaled === undefined ? xs.map((x) => ops.mul(x, factor)) : ops.fused.scaled(xs, factor)

import { ShapeError, sizeOf, type Shape } from './shape.ts'
import type { Ids, TensorOps, TokenScores } from './tensorOps.ts'

/** One number as a tensor, []. */
export const scalar = <T>(ops: TensorOps<T>, value: number): T => ops.fromHost({ shape: [], data: [value] })

/** A tensor of one repeated value. */
export const fill = <T>(ops: TensorOps<T>, shape: Shape, value: number): T =>
  ops.fromHost({ shape, data: new Float64Array(sizeOf(shape)).fill(value) })

export const zeros = <T>(ops: TensorOps<T>, shape: Shape): T => fill(ops, shape, 0)

/** x * factor, with a number of the host. */
export const scale = <T>(ops: TensorOps<T>, x: T, factor: number): T => ops.mul(x, scalar(ops, factor))

/** x + offset, with a number of the host. */
export const shift = <T>(ops: TensorOps<T>, x: T, offset: number): T => ops.add(x, scalar(ops, offset))

/** Sum over every axis, []. */
export const sumAll = <T>(ops: TensorOps<T>, x: T): T =>
  ops.reshape(ops.sum(ops.reshape(x, [sizeOf(ops.shape(x))]), 0), [])

/** Mean over one axis, which stays with size 1. */
export const meanAxis = <T>(ops: TensorOps<T>, x: T, axis: number): T =>
  scale(ops, ops.sum(x, axis), 1 / ops.shape(x)[axis]!)

/** Mean over every axis, []. */
export const meanAll = <T>(ops: TensorOps<T>, x: T): T => scale(ops, sumAll(ops, x), 1 / sizeOf(ops.shape(x)))

/** sum(x * mask) / sum(mask), []; x and mask of one shape, mask 0 or 1. An all-zero mask gives 0. */
export const maskedMean = <T>(ops: TensorOps<T>, x: T, mask: T): T =>
  ops.div(sumAll(ops, ops.mul(x, mask)), ops.maximum(sumAll(ops, mask), scalar(ops, 1)))

/** ln softmax over the last axis, in nats. */
export const logSoftmax = <T>(ops: TensorOps<T>, x: T): T => {
  const last = lastAxis(ops, x)
  // The shift drops out of value and gradient alike, so no gradient need pass through the maximum.
  const shifted = ops.sub(x, ops.stopGradient(ops.max(x, last)))
  return ops.sub(shifted, ops.log(ops.sum(ops.exp(shifted), last)))
}

/** x as an operand of products, in 16 bits where the backend computes in mixed precision; else x itself. */
export const narrowed = <T>(ops: TensorOps<T>, x: T): T => ops.fused?.narrowed?.(x) ?? x

/** x W^T + b: [N, in], [out, in], [out] -> [N, out], the layout of torch.nn.Linear. The backend's kernel where it has one. */
export const linear = <T>(ops: TensorOps<T>, x: T, weight: T, bias?: T): T =>
  ops.fused?.linear === undefined ? derivedLinear(ops, x, weight, bias) : ops.fused.linear(x, weight, { bias })

/** residual + x W^T + b: [N, out], [N, in], [out, in], [out] -> [N, out]. */
export const residualLinear = <T>(
  ops: TensorOps<T>,
  residual: T,
  { x, weight, bias }: { readonly x: T; readonly weight: T; readonly bias?: T | undefined },
): T =>
  ops.fused?.linear === undefined
    ? ops.add(residual, derivedLinear(ops, x, weight, bias))
    : ops.fused.linear(x, weight, { bias, plus: residual })

/** linear from primitives alone: what a fused kernel must equal. */
export const derivedLinear = <T>(ops: TensorOps<T>, x: T, weight: T, bias?: T): T => {
  const product = ops.matmul(x, weight, { transposeB: true }) // [N, out]
  return bias === undefined ? product : ops.add(product, bias)
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis: [.., d], [d] -> [.., d]. The backend's kernel where it has one. */
export const rmsNorm = <T>(ops: TensorOps<T>, x: T, weight: T, epsilon: number): T => {
  const shape = ops.shape(x)
  const fused = ops.fused?.rmsNorm
  if (fused === undefined) return derivedRmsNorm(ops, x, weight, epsilon)
  if (shape.length === 2) return fused(x, weight, epsilon)
  const width = shape[shape.length - 1]!
  return ops.reshape(fused(ops.reshape(x, [sizeOf(shape) / width, width]), weight, epsilon), shape)
}

/** rmsNorm from primitives alone: what a fused kernel must equal. */
export const derivedRmsNorm = <T>(ops: TensorOps<T>, x: T, weight: T, epsilon: number): T => {
  const meanSquare = meanAxis(ops, ops.square(x), lastAxis(ops, x)) // [.., 1]
  return ops.mul(ops.div(x, ops.sqrt(shift(ops, meanSquare, epsilon))), weight)
}

/** x sigmoid(x). */
export const silu = <T>(ops: TensorOps<T>, x: T): T => ops.mul(x, ops.sigmoid(x))

/** silu(gate) * up, elementwise. The backend's kernel where it has one. */
export const swiglu = <T>(ops: TensorOps<T>, gate: T, up: T): T =>
  ops.fused?.swiglu === undefined ? derivedSwiglu(ops, gate, up) : ops.fused.swiglu(gate, up)

/** swiglu from primitives alone: what a fused kernel must equal. */
export const derivedSwiglu = <T>(ops: TensorOps<T>, gate: T, up: T): T => ops.mul(silu(ops, gate), up)

/** x cos + (-x2, x1) sin from primitives alone: what a fused kernel must equal. [N, heads * hd], [N, 1, hd] twice -> [N, heads * hd]. */
export const derivedRotary = <T>(ops: TensorOps<T>, x: T, cos: T, sin: T): T => {
  const [rows = 0, width = 0] = ops.shape(x)
  const headDim = ops.shape(cos)[2]!
  const heads = ops.reshape(x, [rows, width / headDim, headDim])
  return ops.reshape(ops.add(ops.mul(heads, cos), ops.mul(rotateHalf(ops, heads), sin)), [rows, width])
}

/** Logits that may exist together: 64 MB of float32. Up to here one product is faster than blocks whose logits are made twice. */
const LOGITS_AT_ONCE = 1 << 24

/**
 * Log-softmax at the chosen id and entropy of each row of x table^T: [N, d], [V, d], N ids -> [N] each.
 * Above `logitsAtOnce` logits in blocks of rows, where the backend has the kernel, so that memory does not grow with N V.
 */
export const headScores = <T>(
  ops: TensorOps<T>,
  x: T,
  table: T,
  { ids, logitsAtOnce = LOGITS_AT_ONCE }: { readonly ids: Ids; readonly logitsAtOnce?: number },
): TokenScores<T> => {
  const rowsAtOnce = Math.max(1, Math.floor(logitsAtOnce / ops.shape(table)[0]!))
  return ops.fused?.headScores === undefined || ids.length <= rowsAtOnce
    ? ops.selectiveLogSoftmax(linear(ops, x, table), ids)
    : ops.fused.headScores(x, table, { ids, rowsAtOnce })
}

/**
 * Entropy of each row of softmax(x table^T), nats: [N, d], [V, d] -> [N]. `headScores` gives the same numbers without a gradient, which is all
 * that a log needs; an entropy bonus trains through this one, for which all N V logits exist together.
 */
export const headEntropy = <T>(ops: TensorOps<T>, x: T, table: T): T => {
  const logp = logSoftmax(ops, linear(ops, x, table)) // [N, V]
  return ops.reshape(ops.neg(ops.sum(ops.mul(ops.exp(logp), logp), 1)), [ops.shape(x)[0]!]) // [N]
}

/** x/2 (1 + erf(x / sqrt 2)): the exact GELU, not its tanh approximation. */
export const gelu = <T>(ops: TensorOps<T>, x: T): T =>
  ops.mul(scale(ops, x, 0.5), shift(ops, ops.erf(scale(ops, x, Math.SQRT1_2)), 1))

/** (a, b) -> (-b, a) on the halves of the last axis: the quarter turn of rotary embeddings in the Hub's layout. */
export const rotateHalf = <T>(ops: TensorOps<T>, x: T): T => {
  const shape = ops.shape(x)
  const last = lastAxis(ops, x)
  const half = shape[last]! / 2
  if (!Number.isInteger(half)) throw new ShapeError(`rotateHalf: the last axis of [${shape}] is odd`)
  const size = shape.with(last, half)
  const origin = shape.map(() => 0)
  return ops.concat([ops.neg(ops.slice(x, origin.with(last, half), size)), ops.slice(x, origin, size)], last)
}

const lastAxis = <T>(ops: TensorOps<T>, x: T): number => {
  const rank = ops.shape(x).length
  if (rank === 0) throw new ShapeError('[] has no last axis')
  return rank - 1
}

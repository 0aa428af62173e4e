import {
  linear,
  rmsNorm,
  rotateHalf,
  scale,
  sizeOf,
  sumAll,
  swiglu,
  type HostTensor,
  type Params,
  type Shape,
  type TensorOps,
} from '@durian/core'

const [TOKENS, WIDTH, HEADS, INNER, VOCABULARY] = [6, 8, 2, 12, 10] as const
const IDS = [3, 7, 0, 7, 9, 1]
const NEXT = [7, 0, 7, 9, 1, 4]

/** Numbers in [-0.5, 0.5] that a formula gives, so that nothing has to be stored or drawn. */
const fixed = (shape: Shape, salt: number): HostTensor => ({
  shape,
  data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 37 + salt * 61 + 11) % 97) / 96 - 0.5),
})

/** Weights of a one-layer decoder, exact in float32 to 3e-8. */
export const selfTestParams: Readonly<Record<string, HostTensor>> = {
  table: fixed([VOCABULARY, WIDTH], 1),
  norm: fixed([WIDTH], 2),
  q: fixed([WIDTH, WIDTH], 3),
  k: fixed([WIDTH, WIDTH], 4),
  v: fixed([WIDTH, WIDTH], 5),
  gate: fixed([INNER, WIDTH], 6),
  up: fixed([INNER, WIDTH], 7),
  down: fixed([WIDTH, INNER], 8),
}

/** Direction in which each parameter's derivative is taken. */
export const selfTestDirections: Readonly<Record<string, HostTensor>> = Object.fromEntries(
  Object.entries(selfTestParams).map(([name, { shape }], i) => [name, fixed(shape, 20 + i)]),
)

/**
 * A clipped policy loss of a small decoder with everything a policy uses: embedding, RMSNorm, rotary halves, causal attention by heads,
 * SwiGLU, tied logits, log-softmax, and the clipped ratio.
 */
export const selfTestLoss = <T>(ops: TensorOps<T>, params: Params<T>): T => {
  const weight = (name: string): T => params[name]!
  const embedded = ops.embedding(weight('table'), IDS) // [T, d]
  const x = rmsNorm(ops, embedded, weight('norm'), 1e-6)
  const heads = (name: string): T =>
    ops.transpose(ops.reshape(linear(ops, x, weight(name)), [TOKENS, HEADS, WIDTH / HEADS]), [1, 0, 2]) // [H, T, hd]
  const turned = (h: T): T => ops.add(h, scale(ops, rotateHalf(ops, h), 0.5))
  const scores = scale(ops, ops.matmul(turned(heads('q')), turned(heads('k')), { transposeB: true }), 4) // [H, T, T]
  const future = Float64Array.from({ length: TOKENS * TOKENS }, (_, i) =>
    i % TOKENS > Math.floor(i / TOKENS) ? -1e4 : 0,
  )
  const attention = ops.softmax(ops.add(scores, ops.fromHost({ shape: [TOKENS, TOKENS], data: future })))
  const mixed = ops.reshape(ops.transpose(ops.matmul(attention, heads('v')), [1, 0, 2]), [TOKENS, WIDTH])
  const residual = ops.add(embedded, mixed)
  const inner = swiglu(ops, linear(ops, residual, weight('gate')), linear(ops, residual, weight('up')))
  const out = ops.add(residual, linear(ops, inner, weight('down')))
  const { logprob } = ops.selectiveLogSoftmax(linear(ops, out, weight('table')), NEXT) // [T]
  const old = ops.fromHost({ shape: [TOKENS], data: [-2.2, -2.6, -2.1, -2.9, -2.3, -2.5] })
  const advantage = ops.fromHost({ shape: [TOKENS], data: [1, -1, 0.5, -0.5, 2, 1] })
  const ratio = ops.exp(ops.sub(logprob, old))
  const surrogate = ops.minimum(ops.mul(ratio, advantage), ops.mul(ops.clip(ratio, 0.8, 1.2), advantage))
  return ops.neg(sumAll(ops, surrogate))
}

import { gelu, headEntropy, linear, logSoftmax, rmsNorm, rotateHalf, scale, silu, swiglu } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { Params } from '../port/backend.ts'
import { fixedTensor, positive } from './arbitraries.ts'
import type { GradientCase } from './gradientCase.ts'

const small = { lo: -1, hi: 1 }

/** One pre-norm decoder block with one head: attention with a causal mask and a rotation, then SwiGLU. [S, d] -> [S, d]. */
const block = <T>(ops: TensorOps<T>, p: Params<T>): T => {
  const x = p['x']!
  const [length, width] = [ops.shape(x)[0]!, ops.shape(x)[1]!]
  const normed = rmsNorm(ops, x, p['norm1']!, 1e-6) // [S, d]
  const query = linear(ops, normed, p['query']!, p['queryBias'])
  const key = rotateHalf(ops, linear(ops, normed, p['key']!))
  const value = linear(ops, normed, p['value']!)
  const scores = scale(ops, ops.matmul(query, key, { transposeB: true }), 1 / Math.sqrt(width)) // [S, S]
  const mask = Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? -1e9 : 0))
  const masked = ops.add(scores, ops.fromHost({ shape: [length, length], data: mask }))
  const attended = ops.add(x, ops.matmul(ops.softmax(masked), value)) // [S, d]
  const inner = rmsNorm(ops, attended, p['norm2']!, 1e-6)
  const gated = swiglu(ops, linear(ops, inner, p['gate']!), linear(ops, inner, p['up']!)) // [S, f]
  return ops.add(attended, linear(ops, gated, p['down']!))
}

const blockParams = {
  x: fixedTensor([3, 4], small),
  norm1: fixedTensor([4], positive),
  query: fixedTensor([4, 4], small),
  queryBias: fixedTensor([4], small),
  key: fixedTensor([4, 4], { lo: -1, hi: 1, offset: 1 / 1024 }),
  value: fixedTensor([4, 4], { lo: -0.5, hi: 1 }),
  norm2: fixedTensor([4], positive),
  gate: fixedTensor([6, 4], small),
  up: fixedTensor([6, 4], { lo: -0.5, hi: 1 }),
  down: fixedTensor([4, 6], small),
}

/** Heads folded into a batch axis: [S, H * hd] -> [H, S, hd], attention, and back. */
const heads = <T>(ops: TensorOps<T>, p: Params<T>): T => {
  const split = (x: T): T => ops.transpose(ops.reshape(x, [3, 2, 2]), [1, 0, 2]) // [H, S, hd]
  const [query, key, value] = [split(p['query']!), split(p['key']!), split(p['value']!)]
  const weights = ops.softmax(ops.matmul(query, key, { transposeB: true })) // [H, S, S]
  return ops.reshape(ops.transpose(ops.matmul(weights, value), [1, 0, 2]), [3, 4])
}

/** Token embedding to log-probs of the next tokens: repeated ids, tied weights. */
const languageModel = <T>(ops: TensorOps<T>, p: Params<T>): T => {
  const table = p['table']! // [V, d]
  const hidden = rmsNorm(ops, ops.embedding(table, [1, 4, 1, 0, 1]), p['norm']!, 1e-6) // [N, d]
  return ops.selectiveLogSoftmax(linear(ops, hidden, table), [4, 1, 0, 1, 2]).logprob
}

/** Programs whose gradients every backend must have. */
export const compositePrograms: ReadonlyArray<GradientCase & { readonly name: string }> = [
  {
    name: 'rmsNorm',
    label: 'rmsNorm of [3, 5]',
    params: { x: fixedTensor([3, 5]), weight: fixedTensor([5], positive) },
    program: (ops, p) => rmsNorm(ops, p['x']!, p['weight']!, 1e-5),
  },
  {
    name: 'swiglu',
    label: 'swiglu of [3, 4]',
    params: { gate: fixedTensor([3, 4]), up: fixedTensor([3, 4], small) },
    program: (ops, p) => swiglu(ops, p['gate']!, p['up']!),
  },
  { name: 'silu', label: 'silu of [9]', params: { x: fixedTensor([9]) }, program: (ops, p) => silu(ops, p['x']!) },
  { name: 'gelu', label: 'gelu of [9]', params: { x: fixedTensor([9]) }, program: (ops, p) => gelu(ops, p['x']!) },
  {
    name: 'logSoftmax',
    label: 'logSoftmax of [3, 6]',
    params: { x: fixedTensor([3, 6]) },
    program: (ops, p) => logSoftmax(ops, p['x']!),
  },
  { name: 'decoder block', label: 'a decoder block of [3, 4]', params: blockParams, program: block },
  {
    name: 'attention with heads',
    label: 'attention with 2 heads of [3, 4]',
    params: {
      query: fixedTensor([3, 4], small),
      key: fixedTensor([3, 4], { lo: -1, hi: 1, offset: 1 / 1024 }),
      value: fixedTensor([3, 4], positive),
    },
    program: heads,
  },
  {
    name: 'tied language model',
    label: 'log-probs of a tied language model',
    params: { table: fixedTensor([6, 4], small), norm: fixedTensor([4], positive) },
    program: languageModel,
  },
  {
    name: 'entropy of the head',
    label: 'entropies of [3, 4] over 6 words',
    params: { x: fixedTensor([3, 4], small), table: fixedTensor([6, 4], small) },
    program: (ops, p) => headEntropy(ops, p['x']!, p['table']!),
  },
  {
    name: 'a parameter used twice',
    label: 'x * x + x',
    params: { x: fixedTensor([4]) },
    program: (ops, p) => ops.add(ops.mul(p['x']!, p['x']!), p['x']!),
  },
  {
    name: 'a parameter that is not used',
    label: 'x, without y',
    params: { x: fixedTensor([4]), y: fixedTensor([2, 2]) },
    program: (ops, p) => ops.square(p['x']!),
  },
  {
    name: 'stopGradient',
    label: 'stopGradient(x) * x',
    params: { x: fixedTensor([5]) },
    program: (ops, p) => ops.mul(ops.stopGradient(ops.square(p['x']!)), p['x']!),
  },
]

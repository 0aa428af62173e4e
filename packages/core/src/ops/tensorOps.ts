import type { Vec } from '../num/vec.ts'
import type { DrawOptions } from './drawToken.ts'
import type { Shape } from './shape.ts'

/** A tensor on the host, row-major. */
export interface HostTensor {
  readonly shape: Shape
  readonly data: Vec
}

/** Row numbers chosen on the host: non-negative integers. */
export type Ids = ArrayLike<number>

export interface Transposes {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
}

export interface TokenScores<T> {
  /** ln p of the chosen token, [N], nats, differentiable. */
  readonly logprob: T
  /** Entropy of the whole row's distribution, [N], nats, not differentiable. */
  readonly entropy: T
}

/**
 * The whole vocabulary of core programs. T is the backend's tensor; binary operations broadcast as NumPy does.
 * An operation enters only if it cannot be written from the others, and each brings a law.
 * Everything is float32 on devices and float64 in the reference interpreter.
 */
export interface TensorOps<T> {
  readonly fromHost: (x: HostTensor) => T
  readonly shape: (x: T) => Shape

  readonly add: (a: T, b: T) => T
  readonly sub: (a: T, b: T) => T
  readonly mul: (a: T, b: T) => T
  readonly div: (a: T, b: T) => T
  /** Gradient goes to the smaller operand, to `a` where they are equal. */
  readonly minimum: (a: T, b: T) => T
  readonly maximum: (a: T, b: T) => T

  readonly neg: (x: T) => T
  readonly exp: (x: T) => T
  readonly log: (x: T) => T
  readonly sqrt: (x: T) => T
  readonly square: (x: T) => T
  readonly abs: (x: T) => T
  readonly tanh: (x: T) => T
  readonly sigmoid: (x: T) => T
  readonly erf: (x: T) => T
  /** Clamp into [lo, hi]; the gradient is 1 inside and 0 outside. */
  readonly clip: (x: T, lo: number, hi: number) => T

  /** Reduce one axis; the axis stays with size 1. */
  readonly sum: (x: T, axis: number) => T
  readonly max: (x: T, axis: number) => T
  /** Running sum along an axis. */
  readonly cumsum: (x: T, axis: number) => T
  /** exp(x) / sum exp(x) over the last axis, shifted by the maximum. */
  readonly softmax: (x: T) => T

  /** [.., M, K] x [.., K, N] -> [.., M, N]; both of rank 2, or both of equal rank with equal leading axes (no broadcasting). */
  readonly matmul: (a: T, b: T, transposes?: Transposes) => T

  readonly reshape: (x: T, shape: Shape) => T
  readonly transpose: (x: T, permutation: ReadonlyArray<number>) => T
  readonly slice: (x: T, begin: ReadonlyArray<number>, size: ReadonlyArray<number>) => T
  readonly concat: (xs: ReadonlyArray<T>, axis: number) => T

  /** Rows of a table: [V, d], N ids -> [N, d]; differentiable in the table (its gradient adds up over repeated ids). */
  readonly embedding: (table: T, ids: Ids) => T
  /** Log-softmax of each row at the chosen id, and the row's entropy: [N, V], N ids -> [N] each. */
  readonly selectiveLogSoftmax: (logits: T, ids: Ids) => TokenScores<T>

  /** The same values; no gradient passes. */
  readonly stopGradient: (x: T) => T

  /** Faster equals of derived programs, where the backend has them; each is bound by the law fused = derived. */
  readonly fused?: Partial<Fused<T>>
}

/** Programs a backend may replace by one kernel. Callers use the functions of `derived.ts`, which pick. */
export interface Fused<T> {
  /** x / sqrt(mean(x^2) + epsilon) * weight over the last axis: [N, d], [d] -> [N, d]. */
  readonly rmsNorm: (x: T, weight: T, epsilon: number) => T
  /** silu(gate) * up, elementwise. */
  readonly swiglu: (gate: T, up: T) => T
  /**
   * selectiveLogSoftmax(x table^T), `rowsAtOnce` rows at a time: [N, d], [V, d], N ids -> [N] each. The logits [N, V] never exist
   * together; the backward pass makes each block's once more.
   */
  readonly headScores: (x: T, table: T, options: { readonly ids: Ids; readonly rowsAtOnce: number }) => TokenScores<T>
  /** x W^T + bias, and `plus` added to it: [N, in], [out, in], [out], [N, out] -> [N, out]. */
  readonly linear: (x: T, weight: T, added?: { readonly bias?: T | undefined; readonly plus?: T | undefined }) => T
  /** softmax(q k^T + mask) v for each query over all keys its run has: [S, n, hd] -> the same; not differentiable in the mask. */
  readonly attention: (queries: T, inputs: AttentionInputs<T>) => T
  /** x cos + (-x2, x1) sin, each head of a row by the row's angles: [N, heads * hd], [N, 1, hd] twice -> [N, heads * hd]; differentiable in x. */
  readonly rotary: (x: T, cos: T, sin: T) => T
  /**
   * The same numbers as operands of products take them, in 16 bits (float16); only on a backend in mixed precision. Linears and keys are
   * narrowed by themselves: ask for it where a tensor is kept for long, and free x. The gradient passes as it is.
   */
  readonly narrowed: (x: T) => T
  /** One tensor's step of AdamW; not differentiable. */
  readonly adamW: (param: T, grad: T, moments: AdamWMoments<T>, numbers: AdamWNumbers) => AdamWMoved<T>
  /** Sum of the squares of all tensors together, []; not differentiable. At least one tensor. */
  readonly squaredNorm: (xs: ReadonlyArray<T>) => T
  /** Every tensor times one number of the device, []; not differentiable. */
  readonly scaled: (xs: ReadonlyArray<T>, factor: T) => ReadonlyArray<T>
  /**
   * Attention of one new token of each of N rollouts, P chunks of G that share a prompt, while sampling; not differentiable.
   * Softmax over the prompt's keys and the rollout's own, scores times 1 / sqrt(hd). Linear use: `own` may not be used again.
   */
  readonly decodingAttention: (
    fresh: DecodingToken<T>,
    prompt: DecodingPrompt<T>,
    own: OwnTokens<T>,
  ) => { readonly mixed: T; readonly own: OwnTokens<T> }
  /**
   * `drawToken` of each row, with a uniform in [0, 1) each, so that [N, V] logits need not be read back: [N, V], N uniforms -> [3, N], the
   * token ids, their log-probs and the excluded masses; not differentiable. V at most 2^24, which float32 counts.
   *
   * Sums are the device's: where `u` lies within the backend's relative tolerance of a boundary of the cumulative distribution the token may
   * be one on its other side, and so where `topP` does of a boundary of the sorted one. Top-k, bans and the greedy choice are exact.
   */
  readonly drawTokens: (logits: T, uniforms: Vec, options: DrawOptions) => T
}

export interface DecodingToken<T> {
  /** Queries, keys and values side by side, not yet turned: [N, (H + 2 KV) * hd]. */
  readonly qkv: T
  /** Angles of each token, [N, 1, hd]. */
  readonly cos: T
  readonly sin: T
}

/** Turned keys, and values, [P * KV, Tp, hd]; real tokens of each prompt, [P], at most Tp. */
export interface DecodingPrompt<T> {
  readonly keys: T
  readonly values: T
  readonly lengths: ReadonlyArray<number>
}

/**
 * A layer's own tokens so far. `cache` is the backend's: a row for each (chunk, key head, rollout), in that order, so that rows can be
 * chosen as those of any table, [P * KV * G, any]; null while there is none.
 */
export interface OwnTokens<T> {
  readonly cache: T | null
  readonly length: number
}

/** What the queries of S runs meet, [S, n, hd]. Scores are not scaled: scale the queries. */
export interface AttentionInputs<T> {
  /** Each run's own, [S, t, hd]. */
  readonly keys: T
  readonly values: T
  /** [S', Tp, hd] each: one set for S / S' neighbouring runs, before their own. */
  readonly shared?: { readonly keys: T; readonly values: T } | undefined
  /** Added to the scores of the shared keys and then the own, [M, n or 1, Tp + t]: one for S / M neighbouring runs; -1e9 hides a key. */
  readonly mask?: T | undefined
}

export interface AdamWMoments<T> {
  readonly first: T
  readonly second: T
}

export interface AdamWMoved<T> extends AdamWMoments<T> {
  readonly param: T
}

/** m' = keepFirst m + takeFirst g; v' = keepSecond v + takeSecond g^2; p' = shrink p - rate m' / (sqrt(v') + guard). */
export interface AdamWNumbers {
  readonly keepFirst: number
  readonly takeFirst: number
  readonly keepSecond: number
  readonly takeSecond: number
  readonly rate: number
  readonly guard: number
  readonly shrink: number
}

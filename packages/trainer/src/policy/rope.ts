import type { TensorOps } from '@durian/core'
import type { Positions } from './types.ts'

/** Cosines and sines of the rotary angles, one row a token: [N, hd] each, row-major. */
export interface RopeTables {
  readonly rows: number
  readonly cos: Float32Array
  readonly sin: Float32Array
}

/** HF's vision tower has this constant in its code, not in `config.json`. */
export const VISION_THETA = 10_000

/** 1 / theta^(2i / dim), i < dim / 2, rounded to float32 as in Hugging Face. */
const frequencies = (theta: number, dim: number): Float32Array =>
  Float32Array.from({ length: dim / 2 }, (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / dim)))

/**
 * Rotary tables of M-RoPE: pair i of a head turns with the token's time, height or width, as `section` deals the pairs out.
 *
 *   angle_i = p_axis(i) / theta^(2i / hd);   row = (angles, angles)
 *
 * @param positions - [N] each; text has one position on all three axes, which makes this plain RoPE
 * transformers@v5.17 modeling_qwen2_5_vl.py, apply_multimodal_rotary_pos_emb
 */
export const textRope = (
  options: { readonly headDim: number; readonly theta: number; readonly section: readonly [number, number, number] },
  positions: Positions,
): RopeTables => {
  const half = options.headDim / 2
  const inverse = frequencies(options.theta, options.headDim)
  const axes = options.section.flatMap((pairs, axis) => Array.from({ length: pairs }, () => positions[axis]!))
  return tables(positions[0].length, half, (row, i) => Math.fround(axes[i]![row]! * inverse[i]!))
}

/**
 * Rotary tables of the vision tower: the first half of the pairs turns with the patch's row, the second half with its column.
 *
 * @param rowsOf - patch row of each token, [N]
 * @param columnsOf - patch column of each token, [N]
 */
export const visionRope = (headDim: number, rowsOf: Int32Array, columnsOf: Int32Array): RopeTables => {
  const half = headDim / 2
  const inverse = frequencies(VISION_THETA, half)
  const quarter = half / 2
  return tables(rowsOf.length, half, (row, i) =>
    i < quarter ? Math.fround(rowsOf[row]! * inverse[i]!) : Math.fround(columnsOf[row]! * inverse[i - quarter]!),
  )
}

const tables = (rows: number, half: number, angle: (row: number, pair: number) => number): RopeTables => {
  const cos = new Float32Array(rows * half * 2)
  const sin = new Float32Array(rows * half * 2)
  for (let row = 0; row < rows; row++) {
    const start = row * half * 2
    for (let i = 0; i < half; i++) {
      const a = angle(row, i)
      cos[start + i] = cos[start + half + i] = Math.cos(a)
      sin[start + i] = sin[start + half + i] = Math.sin(a)
    }
  }
  return { rows, cos, sin }
}

/** Rotary tables on a device. Queries get theirs times 1 / sqrt(hd), so that no scores need scaling. */
export interface Rotary<T> {
  readonly keys: RotaryTables<T>
  readonly queries: RotaryTables<T>
  /** [hd, hd]: x turn = (-x2, x1) for x = (x1, x2). */
  readonly turn: T
}
interface RotaryTables<T> {
  readonly cos: T // [N, 1, hd]
  readonly sin: T // [N, 1, hd]
}

export const rotary = <T>(ops: TensorOps<T>, { rows, cos, sin }: RopeTables, headDim: number): Rotary<T> => {
  const shape = [rows, 1, headDim]
  const scaled = (x: Float32Array): Float32Array => x.map((value) => value / Math.sqrt(headDim))
  return {
    keys: { cos: ops.fromHost({ shape, data: cos }), sin: ops.fromHost({ shape, data: sin }) },
    queries: { cos: ops.fromHost({ shape, data: scaled(cos) }), sin: ops.fromHost({ shape, data: scaled(sin) }) },
    turn: ops.fromHost({ shape: [headDim, headDim], data: quarterTurn(headDim) }),
  }
}

const quarterTurn = (headDim: number): Float32Array => {
  const half = headDim / 2
  const turn = new Float32Array(headDim * headDim)
  for (let i = 0; i < half; i++) {
    turn[(i + half) * headDim + i] = -1
    turn[i * headDim + i + half] = 1
  }
  return turn
}

/**
 * Turn each head of each row by its angles: x cos + (-x2, x1) sin.
 * The backend's kernel where it has one; else the swap of halves is a product with a constant matrix: one pass, where slices, a negation and a concat are four (and as many backwards).
 *
 * @param x - [N, heads * hd]
 * @returns [N, heads * hd]
 */
export const rotated = <T>(ops: TensorOps<T>, x: T, { cos, sin }: RotaryTables<T>, turn: T): T => {
  if (ops.fused?.rotary !== undefined) return ops.fused.rotary(x, cos, sin)
  const [n = 0, width = 0] = ops.shape(x)
  const headDim = ops.shape(turn)[0]!
  const heads = width / headDim
  const turned = ops.matmul(ops.reshape(x, [n * heads, headDim]), turn) // [N * heads, hd]
  const out = ops.add(
    ops.mul(ops.reshape(x, [n, heads, headDim]), cos),
    ops.mul(ops.reshape(turned, [n, heads, headDim]), sin),
  )
  return ops.reshape(out, [n, width])
}

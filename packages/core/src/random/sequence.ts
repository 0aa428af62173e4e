import { type Key, unitInterval, words } from './key.ts'

/** A run of draws for one purpose. */
export interface Sequence extends Key {
  /** Which run within the stream: an epoch, a replicate, `nameIndex` of a weight. Integer in [0, 2^32), default 0. */
  readonly index?: number
}

/** 32-bit FNV-1a of a name's UTF-16 units: gives each weight its own run of numbers, whatever the order of initialisation. */
export const nameIndex = (name: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  return hash >>> 0
}

/** n uniform numbers in [0, 1), 53 bits each, two a block; counter = (index, block, 0, 0). A longer run begins with the shorter one. */
export const uniforms = ({ index = 0, ...key }: Sequence, n: number): Float64Array => {
  const out = new Float64Array(n)
  for (let i = 0; i < n; i += 2) {
    const [a, b, c, d] = words(key, [index, i / 2, 0, 0])
    out[i] = unitInterval(a, b)
    if (i + 1 < n) out[i + 1] = unitInterval(c, d)
  }
  return out
}

/**
 * n independent standard normal numbers (Box-Muller on pairs of uniforms). |z| is at most 8.6 (53 bits).
 * A longer run begins with the shorter one.
 */
export const normals = (sequence: Sequence, n: number): Float64Array => {
  const pairs = uniforms(sequence, n + (n % 2))
  const out = new Float64Array(n)
  for (let i = 0; i < n; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - pairs[i]!)) // 1 - u is in (0, 1]: never ln 0
    const angle = 2 * Math.PI * pairs[i + 1]!
    out[i] = radius * Math.cos(angle)
    if (i + 1 < n) out[i + 1] = radius * Math.sin(angle)
  }
  return out
}

/** n uniform integers in [0, bound), `bound` at most 2^32. */
export const randomInts = (sequence: Sequence, n: number, bound: number): Float64Array => {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32)
    throw new RangeError(`bound ${bound} is not an integer in [1, 2^32]`)
  return uniforms(sequence, n).map((u) => Math.floor(u * bound))
}

/** A uniform permutation of 0 … n-1 (Fisher-Yates, from the top). */
export const permutation = (sequence: Sequence, n: number): ReadonlyArray<number> => {
  const order = Array.from({ length: n }, (_, i) => i)
  const draws = uniforms(sequence, n)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(draws[i]! * (i + 1))
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}

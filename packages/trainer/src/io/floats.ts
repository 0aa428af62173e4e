import type { FloatDtype } from './safetensorsHeader.ts'

const HALF_SUBNORMAL = 2 ** -24

const halfToFloat = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * HALF_SUBNORMAL : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

/** Every half-precision value by its 16 bits, made on first use: a lookup is 20 times faster than the arithmetic. */
let halves: Float32Array | undefined
const halfTable = (): Float32Array =>
  (halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfToFloat(bits)))

/**
 * 16-bit floats as float32, exactly.
 *
 * @param words - bit patterns
 * @param out - as long as `words`, written over and returned; default fresh
 */
export const widened = (
  words: Uint16Array,
  dtype: Exclude<FloatDtype, 'F32'>,
  out = new Float32Array(words.length),
): Float32Array => {
  if (dtype === 'F16') {
    const table = halfTable()
    for (let i = 0; i < out.length; i++) out[i] = table[words[i]!]!
    return out
  }
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < bits.length; i++) bits[i] = words[i]! << 16
  return out
}

const scratch = new Float32Array(1)
const scratchBits = new Uint32Array(scratch.buffer)

/** Bits of a float32 as the nearest half-precision value, ties to the even one; beyond 65504 infinity, as torch rounds. */
const floatToHalf = (value: number): number => {
  scratch[0] = value
  const bits = scratchBits[0]!
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520 lies half-way between the largest half and the next power of two: from there on it rounds to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    // Subnormal halves are multiples of 2^-24: the quotient is exact, and adding 2^23 rounds it to an even integer.
    scratch[0] = Math.abs(value) * 2 ** 24 + 2 ** 23
    return sign | (scratchBits[0]! & 0x7ff)
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
}

/** Bits of a float32 as the nearest bfloat16, ties to the even one. */
const narrowedBits = (bits: number): number =>
  (bits & 0x7fffffff) > 0x7f800000 ? (bits >>> 16) | 0x40 : ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff

/** Float32 values as 16-bit floats, each the nearest one, ties to even: what torch's `.to(dtype)` gives. */
export const narrowed = (values: Float32Array, dtype: Exclude<FloatDtype, 'F32'>): Uint16Array<ArrayBuffer> => {
  const out = new Uint16Array(values.length)
  if (dtype === 'F16') {
    for (let i = 0; i < out.length; i++) out[i] = floatToHalf(values[i]!)
    return out
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < out.length; i++) out[i] = narrowedBits(bits[i]!)
  return out
}

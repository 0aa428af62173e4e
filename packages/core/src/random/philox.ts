/** Four 32-bit words, each an integer in [0, 2^32). */
export type Words = readonly [number, number, number, number]

const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const WEYL_0 = 0x9e3779b9
const WEYL_1 = 0xbb67ae85
const ROUNDS = 10

/** High 32 bits of the 64-bit product of two unsigned 32-bit words, from four 16-bit products (each below 2^32, so exact). */
const multiplyHigh = (a: number, b: number): number => {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const cross = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = aLow * bHigh + (cross & 0xffff)
  return (aHigh * bHigh + (cross >>> 16) + (carry >>> 16)) >>> 0
}

/**
 * Philox-4x32-10: a counter-based generator. Equal counter and key give equal words on every machine; there is no state.
 *
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; tested on the known answers of Random123.
 *
 * @param counter - 128 bits as four words
 * @param key - 64 bits as two words
 * @returns four random words
 */
export const philox4x32 = (counter: Words, key: readonly [number, number]): Words => {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0)
    const low0 = Math.imul(MULTIPLIER_0, c0)
    const high1 = multiplyHigh(MULTIPLIER_1, c2)
    const low1 = Math.imul(MULTIPLIER_1, c2)
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1 >>> 0
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0 >>> 0
    k0 = (k0 + WEYL_0) >>> 0
    k1 = (k1 + WEYL_1) >>> 0
  }
  return [c0, c1, c2, c3]
}

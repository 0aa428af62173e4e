import { philox4x32, type Words } from './philox.ts'

/**
 * What randomness is used for. Each purpose has its own stream, so no two ever share a key and counter,
 * and a new draw in one place leaves all others as they were. Numbers are part of every result: never change one.
 */
export const streams = {
  sampling: 0,
  shuffle: 1,
  initialisation: 2,
  bootstrap: 3,
  data: 4,
  dropout: 5,
  evaluation: 6,
  test: 7,
} as const

/** One of `streams`, or a number of your own in [64, 2047]. */
export type Stream = number

/** The key of all draws for one purpose. */
export interface Key {
  /** Integer in [0, 2^53). */
  readonly seed: number
  /** Default `streams.sampling`, 0: the key is then the seed alone. */
  readonly stream?: Stream
}

/** Place of one draw: integers in [0, 2^32). In sampling they are the training step, the prompt, the rollout and the token. */
export type Counter = readonly [step: number, prompt: number, rollout: number, token: number]

const TWO_32 = 2 ** 32
/** A safe integer has 53 bits: 21 of them lie in the key's second word, above them is room for 2^11 streams. */
const HIGH_BITS = 21
const STREAMS = 2 ** 11

/**
 * Four random words at one place: Philox-4x32-10 under key (seed's low word, seed's high 21 bits + stream * 2^21).
 *
 * @throws RangeError for a seed, stream or counter outside its range: wrapped round, it would repeat another's numbers in silence
 */
export const words = ({ seed, stream = streams.sampling }: Key, counter: Counter): Words => {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed ${seed} is not an integer in [0, 2^53)`)
  if (!Number.isInteger(stream) || stream < 0 || stream >= STREAMS)
    throw new RangeError(`stream ${stream} is not an integer in [0, ${STREAMS})`)
  for (const place of counter)
    if (!Number.isInteger(place) || place < 0 || place >= TWO_32)
      throw new RangeError(`counter [${counter}] holds ${place}, which is not an integer in [0, 2^32)`)
  return philox4x32(counter, [seed % TWO_32, Math.floor(seed / TWO_32) + stream * 2 ** HIGH_BITS])
}

/** Two words as a number in [0, 1): 53 random bits, every multiple of 2^-53 equally likely. */
export const unitInterval = (high: number, low: number): number => ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53

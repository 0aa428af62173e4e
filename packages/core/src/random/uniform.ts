import { type Counter, type Key, unitInterval, words } from './key.ts'

/**
 * One uniform number at one place: the same for the same key and counter, whatever was drawn before and on whatever backend.
 *
 * @returns a multiple of 2^-53 in [0, 1). Rounded to float32 it can become 1 (once in 2^25 draws): compare in float64 on the host,
 *   or take the last candidate when a float32 cumulative sum ends below it.
 * @throws RangeError for a seed, stream or counter outside its range
 */
export const uniform = (key: Key, counter: Counter): number => {
  const [high, low] = words(key, counter)
  return unitInterval(high, low)
}

/** A uniform integer in [0, bound) at one place; `bound` at most 2^32, so that no integer is favoured by more than 2^-21 of its share. */
export const randomInt = (key: Key, counter: Counter, bound: number): number => {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32)
    throw new RangeError(`bound ${bound} is not an integer in [1, 2^32]`)
  return Math.floor(uniform(key, counter) * bound)
}

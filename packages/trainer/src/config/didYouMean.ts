import { nearest } from '@durian/core/codec'

/** `" (did you mean 'epsilon'?)"` when a known word is near the given one, else `""`. Dashes count as underscores. */
export const didYouMean = (given: string, known: ReadonlyArray<string>): string => {
  const word = nearest(given.replaceAll('-', '_'), known)
  return word === undefined ? '' : ` (did you mean '${word}'?)`
}

import type { Draws } from './draws.ts'

export type Sign = '+' | '-'

/** One number of a running total and how it joins; the first joins with `+`. */
export interface Term {
  readonly sign: Sign
  readonly value: number
}

/** Signs for the values such that no running total is below 0: a minus that would go below becomes a plus. */
export const signedTerms = (draws: Draws, values: ReadonlyArray<number>): ReadonlyArray<Term> => {
  let total = 0
  return values.map((value, i) => {
    const minus = i > 0 && draws.uniform() < 0.5 && total >= value
    total += minus ? -value : value
    return { sign: minus ? '-' : '+', value }
  })
}

export const totalOf = (terms: ReadonlyArray<Term>): number =>
  terms.reduce((total, { sign, value }) => (sign === '-' ? total - value : total + value), 0)

/** The sum written step by step with its running total, e.g. `red6+blue1=7-green3=4`; one term alone is `red6`. */
export const workedSum = (terms: ReadonlyArray<Term>, label: (index: number) => string): string => {
  let total = 0
  return terms
    .map(({ sign, value }, i) => {
      total += sign === '-' ? -value : value
      const written = `${label(i)}${value}`
      return i === 0 ? written : `${sign}${written}=${total}`
    })
    .join('')
}

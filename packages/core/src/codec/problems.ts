import type * as t from 'io-ts'

/** Errors named before the rest is only counted. */
const SHOWN = 3
const LONGEST_VALUE = 60

/** `config.durian.weights[2]`; empty at the root. */
const path = (context: t.Context): string =>
  context
    .slice(1)
    .map(({ key }) => (/^\d+$/.test(key) ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '')

/** A value as JSON would show it, shortened. */
const shown = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number') return String(value) // NaN and the infinities, which JSON would call null
  if (Array.isArray(value) && value.length > 8) return `an array of ${value.length}`
  const text = JSON.stringify(value) ?? typeof value
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text
}

const problem = ({ context, value, message }: t.ValidationError): string => {
  const place = path(context)
  const expected = context.at(-1)?.type.name ?? 'something else'
  const said = message ?? `expected ${expected}, got ${shown(value)}`
  return place === '' ? said : `${place}: ${said}`
}

/** What is wrong, in one readable line: place, expectation and value of up to three errors, and how many more there are. */
export const problems = (errors: t.Errors): string => {
  const sentences = Array.from(new Set(errors.map(problem)))
  const more = sentences.length > SHOWN ? `; and ${sentences.length - SHOWN} more` : ''
  return sentences.slice(0, SHOWN).join('; ') + more
}

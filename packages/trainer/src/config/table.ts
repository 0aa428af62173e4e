import { either as E } from 'fp-ts'
import * as t from 'io-ts'
import type { Described } from './codecs.ts'
import { didYouMean } from './didYouMean.ts'

/** Stands where a key has no default. */
export const REQUIRED = Symbol('required')

/** The covariant half of a codec (`encode` would make fields of different types incomparable). */
export type Readable<A> = Pick<Described<A>, 'name' | 'decode' | 'validate' | 'expected' | 'schema'>

/** One key of the configuration: what it takes, what it is when left out, and one line for people. */
export interface Field<A> {
  readonly _tag: 'field'
  readonly codec: Readable<A>
  readonly default: A | typeof REQUIRED
  readonly description: string
}

/** A group of keys. `optional` groups are null unless one of their keys is given. */
export interface Section<F extends Fields, Optional extends boolean> {
  readonly _tag: 'section'
  readonly description: string
  readonly fields: F
  readonly optional: Optional
}

export type Entry = Field<unknown> | Section<Fields, boolean>
export interface Fields {
  readonly [key: string]: Entry
}

export type ValueOf<N> =
  N extends Field<infer A>
    ? A
    : N extends Section<infer F, true>
      ? ValuesOf<F> | null
      : N extends Section<infer F, false>
        ? ValuesOf<F>
        : never
export type ValuesOf<F> = { readonly [K in keyof F]: ValueOf<F[K]> }

export const field = <A>(codec: Described<A>, fallback: NoInfer<A>, description: string): Field<A> => ({
  _tag: 'field',
  codec,
  default: fallback,
  description,
})
export const required = <A>(codec: Described<A>, description: string): Field<A> => ({
  _tag: 'field',
  codec,
  default: REQUIRED,
  description,
})
export const section = <F extends Fields>(description: string, fields: F): Section<F, false> => ({
  _tag: 'section',
  description,
  fields,
  optional: false,
})
export const optionalSection = <F extends Fields>(description: string, fields: F): Section<F, true> => ({
  _tag: 'section',
  description,
  fields,
  optional: true,
})

/** Every leaf key, dotted, in the order of the table. */
export const leaves = (
  fields: Fields,
  prefix = '',
): ReadonlyArray<{ readonly key: string; readonly field: Field<unknown> }> =>
  Object.entries(fields).flatMap(([name, entry]) =>
    entry._tag === 'field' ? [{ key: prefix + name, field: entry }] : leaves(entry.fields, `${prefix}${name}.`),
  )

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)

const decodeEntry = (entry: Entry, value: unknown, context: t.Context): t.Validation<unknown> => {
  if (entry._tag === 'section') {
    if (entry.optional && (value === undefined || value === null)) return t.success(null)
    return decodeFields(entry.fields, value === undefined ? {} : value, context)
  }
  if (value !== undefined) return entry.codec.validate(value, context)
  return entry.default === REQUIRED ? t.failure(value, context, 'required') : t.success(entry.default)
}

const decodeFields = (fields: Fields, value: unknown, context: t.Context): t.Validation<Record<string, unknown>> => {
  if (!isRecord(value)) return t.failure(value, context, 'a group of keys')
  const errors: Array<t.ValidationError> = []
  const out: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(fields, key)) continue
    const hint = didYouMean(key, Object.keys(fields))
    errors.push({ value: value[key], context: t.appendContext(context, key, t.unknown), message: `unknown${hint}` })
  }
  for (const [key, entry] of Object.entries(fields)) {
    const type = entry._tag === 'field' ? entry.codec : t.unknown
    const result = decodeEntry(entry, value[key], t.appendContext(context, key, type, value[key]))
    if (E.isLeft(result)) errors.push(...result.left)
    else out[key] = result.right
  }
  return errors.length > 0 ? t.failures(errors) : t.success(out)
}

/**
 * The codec of a table: fills in defaults, refuses unknown keys (io-ts's `exact` drops them silently, so a misspelt
 * key would train with its default).
 */
export const codecOf = <F extends Fields>(name: string, fields: F): t.Type<ValuesOf<F>, ValuesOf<F>, unknown> =>
  new t.Type<ValuesOf<F>, ValuesOf<F>, unknown>(
    name,
    (u): u is ValuesOf<F> => E.isRight(decodeFields(fields, u, [])),
    (u, c) => decodeFields(fields, u, c) as t.Validation<ValuesOf<F>>,
    t.identity,
  )

import * as t from 'io-ts'
import { E } from '../fp.ts'
import { nearest } from './didYouMean.ts'

/** Codecs by key. */
export type Fields = Readonly<Record<string, t.Mixed>>

type Decoded<R extends Fields, O extends Fields> = { readonly [K in keyof R]: t.TypeOf<R[K]> } & {
  readonly [K in keyof O]?: t.TypeOf<O[K]>
}
type Encoded<R extends Fields, O extends Fields> = { readonly [K in keyof R]: t.OutputOf<R[K]> } & {
  readonly [K in keyof O]?: t.OutputOf<O[K]>
}

/** What happens to a key that no field has. `near` refuses only those that look like a slip of a known key, and drops the rest. */
export type UnknownKeys = 'refuse' | 'near'

interface SealedOptions {
  readonly unknownKeys?: UnknownKeys
}

export const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)

const unknownKey = (key: string, known: ReadonlyArray<string>): string => {
  const meant = nearest(key, known)
  return `unknown key '${key}' (${meant === undefined ? `known keys: ${known.join(', ')}` : `did you mean '${meant}'?`})`
}

/** The value of an own key; undefined counts as absent, as it does in JSON. */
const own = (u: Readonly<Record<string, unknown>>, key: string): unknown => (Object.hasOwn(u, key) ? u[key] : undefined)

/**
 * A record with these keys and no others. io-ts's `type` lets unknown keys through and its `exact` drops them in silence, so that a
 * misspelt option would train with the default; here it is an error that names the nearest key.
 *
 * @param optional - may be absent or undefined
 */
export const sealed = <R extends Fields, O extends Fields = Record<never, never>>(
  name: string,
  required: R,
  optional: O = {} as O,
  { unknownKeys = 'refuse' }: SealedOptions = {},
): t.Type<Decoded<R, O>, Encoded<R, O>> => {
  const fields: Fields = { ...required, ...optional }
  const known = Object.keys(fields)
  const mayLack = (key: string): boolean => !Object.hasOwn(required, key)
  const refusedKeys = (u: object): ReadonlyArray<string> =>
    Object.keys(u).filter(
      (key) => !Object.hasOwn(fields, key) && (unknownKeys === 'refuse' || nearest(key, known) !== undefined),
    )

  const is = (u: unknown): u is Decoded<R, O> =>
    isRecord(u) &&
    refusedKeys(u).length === 0 &&
    known.every((key) => (own(u, key) === undefined ? mayLack(key) : fields[key]!.is(own(u, key))))

  const validate = (u: unknown, context: t.Context): t.Validation<Decoded<R, O>> => {
    if (!isRecord(u)) return t.failure(u, context)
    const refused = refusedKeys(u)
    const errors: Array<t.ValidationError> = refused.map((key) => ({
      value: u[key],
      context,
      message: unknownKey(key, known),
    }))
    const meant = new Set(refused.map((key) => nearest(key, known)))
    const decoded: Record<string, unknown> = {}
    for (const key of known) {
      const value = own(u, key)
      if (value === undefined) {
        // A slip of this very key has been reported already.
        if (!mayLack(key) && !meant.has(key)) errors.push({ value, context, message: `'${key}' is missing` })
        continue
      }
      const codec = fields[key]!
      const result = codec.validate(value, t.appendContext(context, key, codec, value))
      if (E.isLeft(result)) errors.push(...result.left)
      else decoded[key] = result.right
    }
    return errors.length > 0 ? t.failures(errors) : t.success(decoded as Decoded<R, O>)
  }

  const encode = (a: Decoded<R, O>): Encoded<R, O> => {
    const record = a as Readonly<Record<string, unknown>>
    const present = known.filter((key) => record[key] !== undefined)
    return Object.fromEntries(present.map((key) => [key, fields[key]!.encode(record[key])])) as Encoded<R, O>
  }

  return new t.Type<Decoded<R, O>, Encoded<R, O>>(name, is, validate, encode)
}

import * as t from 'io-ts'

/** The part of JSON Schema (2020-12) that these codecs need. */
export type JsonSchema = { readonly [key: string]: unknown }

/** An io-ts codec that can also say in words and in JSON Schema what it takes. Input and output are the same value. */
export class Described<A> extends t.Type<A, A, unknown> {
  /** "a number above 0": what an error message puts after "expected". */
  readonly expected: string
  readonly schema: JsonSchema
  constructor(expected: string, schema: JsonSchema, is: (u: unknown) => u is A) {
    super(expected, is, (u, c) => (is(u) ? t.success(u) : t.failure(u, c, expected)), t.identity)
    this.expected = expected
    this.schema = schema
  }
}

interface Range {
  readonly min?: number
  readonly max?: number
  /** Exclusive lower bound. */
  readonly above?: number
}

const words = (kind: string, { min, max, above }: Range): string => {
  const low = above !== undefined ? `above ${above}` : min !== undefined ? `of at least ${min}` : ''
  const high = max !== undefined ? `at most ${max}` : ''
  return [kind, [low, high].filter((part) => part !== '').join(' and ')].filter((part) => part !== '').join(' ')
}

const bounds = ({ min, max, above }: Range): JsonSchema => ({
  ...(min === undefined ? {} : { minimum: min }),
  ...(max === undefined ? {} : { maximum: max }),
  ...(above === undefined ? {} : { exclusiveMinimum: above }),
})

const inside = (x: number, { min = -Infinity, max = Infinity, above = -Infinity }: Range): boolean =>
  x >= min && x <= max && x > above

/** A finite number in a range; NaN and the infinities are refused (io-ts's own number takes them). */
export const finite = (range: Range = {}): Described<number> =>
  new Described(
    words('a number', range),
    { type: 'number', ...bounds(range) },
    (u): u is number => typeof u === 'number' && Number.isFinite(u) && inside(u, range),
  )

export const integer = (range: Range = {}): Described<number> =>
  new Described(
    words('a whole number', range),
    { type: 'integer', ...bounds(range) },
    (u): u is number => typeof u === 'number' && Number.isSafeInteger(u) && inside(u, range),
  )

export const flag: Described<boolean> = new Described(
  'true or false',
  { type: 'boolean' },
  (u): u is boolean => typeof u === 'boolean',
)

export const text: Described<string> = new Described(
  'a text',
  { type: 'string', minLength: 1 },
  (u): u is string => typeof u === 'string' && u !== '',
)

export const oneOf = <const A extends string | number | boolean>(...values: ReadonlyArray<A>): Described<A> =>
  new Described(`one of ${values.join(', ')}`, { enum: values }, (u): u is A => values.includes(u as A))

export const nullOr = <A>(codec: Described<A>): Described<A | null> =>
  new Described(`${codec.expected} or null`, { anyOf: [codec.schema, { type: 'null' }] }, (u): u is A | null =>
    u === null ? true : codec.is(u),
  )

export const listOf = <A>(codec: Described<A>): Described<ReadonlyArray<A>> =>
  new Described(
    `a list of at least one entry, each ${codec.expected}`,
    { type: 'array', minItems: 1, items: codec.schema },
    (u): u is ReadonlyArray<A> => Array.isArray(u) && u.length > 0 && u.every(codec.is),
  )

export const pairOf = <A>(codec: Described<A>): Described<readonly [A, A]> =>
  new Described(
    `a list of 2, each ${codec.expected}`,
    { type: 'array', minItems: 2, maxItems: 2, items: codec.schema },
    (u): u is readonly [A, A] => Array.isArray(u) && u.length === 2 && u.every(codec.is),
  )

export const tripleOf = <A>(codec: Described<A>): Described<readonly [A, A, A]> =>
  new Described(
    `a list of 3, each ${codec.expected}`,
    { type: 'array', minItems: 3, maxItems: 3, items: codec.schema },
    (u): u is readonly [A, A, A] => Array.isArray(u) && u.length === 3 && u.every(codec.is),
  )

export const either = <A, B>(a: Described<A>, b: Described<B>): Described<A | B> =>
  new Described(
    `${a.expected}, or ${b.expected}`,
    { anyOf: [a.schema, b.schema] },
    (u): u is A | B => a.is(u) || b.is(u),
  )

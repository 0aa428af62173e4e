import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { either, finite, integer, listOf, nullOr, oneOf, tripleOf, type JsonSchema } from './codecs.ts'
import { trainFields } from './fields.ts'
import { leaves } from './table.ts'

/** JSON Schema, as far as this package writes it, by its own rules rather than by ours. */
const valid = (schema: JsonSchema, x: unknown): boolean => {
  const s = schema as {
    type?: string
    enum?: ReadonlyArray<unknown>
    anyOf?: ReadonlyArray<JsonSchema>
    minimum?: number
    maximum?: number
    exclusiveMinimum?: number
    minLength?: number
    minItems?: number
    maxItems?: number
    items?: JsonSchema
  }
  if (s.enum !== undefined && !s.enum.includes(x)) return false
  if (s.anyOf !== undefined && !s.anyOf.some((one) => valid(one, x))) return false
  if (s.type === 'null' && x !== null) return false
  if (s.type === 'boolean' && typeof x !== 'boolean') return false
  if (s.type === 'string' && (typeof x !== 'string' || x.length < (s.minLength ?? 0))) return false
  if (s.type === 'number' || s.type === 'integer') {
    if (typeof x !== 'number' || (s.type === 'integer' && !Number.isInteger(x))) return false
    if (x < (s.minimum ?? -Infinity) || x > (s.maximum ?? Infinity) || x <= (s.exclusiveMinimum ?? -Infinity))
      return false
  }
  if (s.type === 'array') {
    if (!Array.isArray(x) || x.length < (s.minItems ?? 0) || x.length > (s.maxItems ?? Infinity)) return false
    if (!x.every((one) => valid(s.items ?? {}, one))) return false
  }
  return true
}

const json = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer({ min: -3, max: 300 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -2, max: 2 }),
  fc.constantFrom('durian', 'grpo', 'auto', '', 'merged', 'runs/a'),
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1, max: 2 }), { maxLength: 4 }),
  fc.array(fc.constantFrom('accuracy_reward', ''), { maxLength: 2 }),
)

describe('codecs', () => {
  it('refuse what is not a finite number in range', () => {
    expect(finite().is(NaN)).toBe(false)
    expect(finite().is(Infinity)).toBe(false)
    expect(finite({ above: 0 }).is(0)).toBe(false)
    expect(finite({ min: 0, max: 1 }).is(1)).toBe(true)
    expect(integer({ min: 2 }).is(1)).toBe(false)
    expect(integer().is(1.5)).toBe(false)
    expect(finite().is('1')).toBe(false)
  })

  it('say in words what they take', () => {
    expect(integer({ min: 1 }).expected).toBe('a whole number of at least 1')
    expect(nullOr(finite({ above: 0 })).expected).toBe('a number above 0 or null')
    expect(oneOf('a', 'b').expected).toBe('one of a, b')
    expect(tripleOf(finite({ min: 0 })).expected).toBe('a list of 3, each a number of at least 0')
    expect(listOf(integer()).is([])).toBe(false)
    expect(either(oneOf('x'), integer()).is(3)).toBe(true)
  })

  it('property: each key of the configuration takes a value exactly when its JSON Schema does', () => {
    const all = leaves(trainFields)
    fc.assert(
      fc.property(fc.constantFrom(...all), json, ({ field }, x) => {
        expect(field.codec.decode(x)._tag === 'Right').toBe(valid(field.codec.schema, x))
      }),
      { seed: 1, numRuns: 4000 },
    )
  })
})

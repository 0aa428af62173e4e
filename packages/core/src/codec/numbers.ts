import * as t from 'io-ts'

/** Where and why a list of numbers is not one, or undefined if it is. Checked in one loop: a context for each number would cost more than the numbers. */
const fault = (u: unknown, mayBeNull: boolean): string | undefined => {
  if (!Array.isArray(u)) return 'expected an array of numbers'
  if (u.length === 0) return 'the array is empty'
  for (let i = 0; i < u.length; i++) {
    const entry: unknown = u[i]
    if (typeof entry === 'number' ? Number.isFinite(entry) : mayBeNull && entry === null) continue
    const wanted = mayBeNull ? 'a finite number or null' : 'a finite number'
    return `[${i}] is ${typeof entry === 'number' ? entry : JSON.stringify(entry)}, expected ${wanted}`
  }
  return undefined
}

const checked = <A>(name: string, faultOf: (u: unknown) => string | undefined): t.Type<A> => {
  const is = (u: unknown): u is A => faultOf(u) === undefined
  return new t.Type(
    name,
    is,
    (u, context) => {
      const message = faultOf(u)
      return message === undefined ? t.success(u as A) : t.failure(u, context, message)
    },
    t.identity,
  )
}

const nested = (u: unknown): string | undefined => {
  if (!Array.isArray(u)) return 'expected an array of arrays of numbers'
  if (u.length === 0) return 'the array is empty'
  for (let i = 0; i < u.length; i++) {
    const inner = fault(u[i], false)
    if (inner !== undefined) return inner.startsWith('[') ? `[${i}]${inner}` : `[${i}]: ${inner}`
  }
  return undefined
}

/** Rows of equal length: a matrix. */
const rectangular = (u: unknown): string | undefined => {
  const wrong = nested(u)
  if (wrong !== undefined) return wrong
  const rows = u as ReadonlyArray<ReadonlyArray<number>>
  const odd = rows.findIndex((row) => row.length !== rows[0]!.length)
  return odd === -1 ? undefined : `row ${odd} has ${rows[odd]!.length} numbers, row 0 has ${rows[0]!.length}`
}

/** At least one entry, each a finite number or null. */
export const NumbersOrNull: t.Type<ReadonlyArray<number | null>> = checked('numbers or null', (u) => fault(u, true))
/** At least one list, none empty, of finite numbers. */
export const NumberLists: t.Type<ReadonlyArray<ReadonlyArray<number>>> = checked('lists of numbers', nested)
/** A matrix as a list of rows of equal length, finite. */
export const NumberRows: t.Type<ReadonlyArray<ReadonlyArray<number>>> = checked('rows of numbers', rectangular)

import type { Row } from '../data/types.ts'

const label = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' ? `${value}` : undefined
}

/** Which rows have each value of a column, values in order of their characters. Rows without one, or with a list or record, are in no part. */
export const breakdown = (rows: ReadonlyArray<Row>, column: string): ReadonlyMap<string, ReadonlyArray<number>> => {
  const parts = new Map<string, number[]>()
  rows.forEach(({ extra }, i) => {
    const value = label(extra[column])
    if (value !== undefined) parts.set(value, [...(parts.get(value) ?? []), i])
  })
  return new Map([...parts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

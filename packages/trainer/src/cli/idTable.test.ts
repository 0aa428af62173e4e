import { expect, it } from 'vitest'
import { idTable } from './idTable.ts'

it('knows the line of every id again, and no id that was not there', () => {
  const table = idTable()
  const name = (i: number): string => (i % 2 === 0 ? `prompt-${i}` : `${i}`)
  for (let i = 0; i < 200_000; i++) if (table.lineBefore(name(i), i + 1) !== undefined) throw new Error(name(i))
  for (let i = 0; i < 200_000; i += 97) expect(table.lineBefore(name(i), 0)).toBe(i + 1)
})

it('tells ids apart that differ in order, in length or in one letter', () => {
  const table = idTable()
  const ids = ['', 'a', 'b', 'ab', 'ba', 'aa', '\u0000', '\u0000\u0000', 'é', 'e\u0301', '🥭', 'ü'.repeat(1000)]
  ids.forEach((id, i) => expect(table.lineBefore(id, i + 1)).toBeUndefined())
  ids.forEach((id, i) => expect(table.lineBefore(id, 99)).toBe(i + 1))
})

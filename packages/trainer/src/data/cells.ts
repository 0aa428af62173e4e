const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of a cell: a string, a number, or bytes that are UTF-8 (string columns that carry no annotation); else null. */
export const textOf = (cell: unknown): string | null => {
  if (typeof cell === 'string') return cell
  if (typeof cell === 'bigint') return String(cell)
  if (typeof cell === 'number' && Number.isFinite(cell)) return String(cell)
  if (cell instanceof Uint8Array) {
    try {
      return utf8.decode(cell)
    } catch {
      return null
    }
  }
  return null
}

/**
 * A cell as JSON has it: 64-bit integers become numbers (or digits where a number would round), dates ISO strings,
 * UTF-8 bytes strings, other bytes a note of their length.
 */
export const jsonOf = (cell: unknown): unknown => {
  if (typeof cell === 'bigint') {
    const number = Number(cell)
    return Number.isSafeInteger(number) ? number : String(cell)
  }
  if (cell instanceof Uint8Array) return textOf(cell) ?? `<${cell.byteLength} bytes>`
  if (cell instanceof Date) return cell.toISOString()
  if (Array.isArray(cell)) return cell.map(jsonOf)
  if (ArrayBuffer.isView(cell)) return Array.from(cell as unknown as ArrayLike<unknown>, jsonOf)
  if (typeof cell === 'object' && cell !== null)
    return Object.fromEntries(Object.entries(cell).map(([key, value]) => [key, jsonOf(value)]))
  return cell === undefined ? null : cell
}

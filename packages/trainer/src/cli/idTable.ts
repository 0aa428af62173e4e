/** Numbers kept for an id: two hashes and the line. */
const FIELDS = 3
/** A table this full is doubled. */
const FULL = 0.6

/** Remembers on which line each id stood. */
export interface IdTable {
  /** The line on which the id stood before; otherwise remembers this one and returns undefined. */
  readonly lineBefore: (id: string, line: number) => number | undefined
}

/** Two hashes of 32 bits by one walk (FNV-1a and a multiply-xorshift), the first never 0. */
const hashes = (id: string): readonly [number, number] => {
  let a = 0x811c9dc5
  let b = id.length
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit, 0x5bd1e995)
    b ^= b >>> 13
  }
  a ^= b >>> 16
  return [a === 0 ? 1 : a >>> 0, Math.imul(b ^ (b >>> 15), 0x2c1b3c6d) >>> 0]
}

/**
 * A table of ids that keeps 64 bits of each instead of its text: 20 to 40 bytes a row, where a Map of a million texts takes 100 MB.
 * That two of a million different ids agree in all 64 bits has a chance of 3e-8.
 */
export const idTable = (): IdTable => {
  let slots = 1024
  let table = new Uint32Array(slots * FIELDS)
  let held = 0

  /** Where the hashes are, or the free place where they belong. */
  const place = (a: number, b: number): number => {
    for (let slot = a & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const at = slot * FIELDS
      if (table[at] === 0 || (table[at] === a && table[at + 1] === b)) return at
    }
  }
  const grow = (): void => {
    const before = table
    slots *= 2
    table = new Uint32Array(slots * FIELDS)
    for (let at = 0; at < before.length; at += FIELDS)
      if (before[at] !== 0) table.set(before.subarray(at, at + FIELDS), place(before[at]!, before[at + 1]!))
  }
  return {
    lineBefore: (id, line) => {
      const [a, b] = hashes(id)
      const at = place(a, b)
      if (table[at] !== 0) return table[at + 2]
      table[at] = a
      table[at + 1] = b
      table[at + 2] = line
      held++
      if (held > slots * FULL) grow()
      return undefined
    },
  }
}

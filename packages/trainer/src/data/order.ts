import { permutation, streams } from '@durian/core'

/** Rows in a new random order each epoch, addressed by one number: how many rows were taken before. */
export interface RowOrder {
  /** The row at a cursor >= 0: place cursor mod n of epoch floor(cursor / n). */
  readonly rowAt: (cursor: number) => number
  /** `count` rows from `cursor` on, across epochs if need be; the next cursor is `cursor + count`. */
  readonly take: (cursor: number, count: number) => ReadonlyArray<number>
}

/**
 * The order in which `rows` rows are visited under a seed. It has no state: a run that resumes at a cursor goes on exactly
 * as the one that was cut off. No row is dropped at an epoch's end, and each comes once per epoch.
 *
 * @throws RangeError when there are no rows or the cursor is not an integer >= 0
 */
export const rowOrder = ({ seed, rows }: { seed: number; rows: number }): RowOrder => {
  if (!Number.isSafeInteger(rows) || rows < 1) throw new RangeError(`rows ${rows} is not an integer above 0`)
  // The last epoch asked for is kept: a step takes neighbours.
  let kept: { epoch: number; order: ReadonlyArray<number> } | null = null
  const orderOf = (epoch: number): ReadonlyArray<number> => {
    if (kept?.epoch !== epoch) {
      kept = { epoch, order: permutation({ seed, stream: streams.shuffle, index: epoch }, rows) }
    }
    return kept.order
  }
  const rowAt = (cursor: number): number => {
    if (!Number.isSafeInteger(cursor) || cursor < 0) throw new RangeError(`cursor ${cursor} is not an integer >= 0`)
    return orderOf(Math.floor(cursor / rows))[cursor % rows]!
  }
  return { rowAt, take: (cursor, count) => Array.from({ length: count }, (_, i) => rowAt(cursor + i)) }
}

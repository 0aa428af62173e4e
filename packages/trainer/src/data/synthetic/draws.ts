import { normals, streams, uniforms } from '@durian/core'
import type { SampleAddress } from './types.ts'

/** Rows a split can have, so that split, row and purpose fit Philox's 32-bit index. */
const rows = 2 ** 26
const splits = 2 ** 5

/** The draws of one sample, taken in order. */
export interface Draws {
  /** [0, 1). */
  readonly uniform: () => number
  /** An integer from `low` to `high`, both possible. */
  readonly integer: (low: number, high: number) => number
  readonly pick: <A>(from: ReadonlyArray<A>) => A
  /** The items in a random order (Fisher-Yates). */
  readonly shuffled: <A>(items: ReadonlyArray<A>) => ReadonlyArray<A>
  /** n standard normal numbers from a run of their own; asked for once per sample. */
  readonly normals: (n: number) => Float64Array
}

/**
 * The draws that belong to one address: Philox under (seed, data stream), index = split, row and purpose in 5 + 26 + 1 bits.
 * @throws RangeError for a stream outside [0, 32) or a row outside [0, 2^26)
 */
export const drawsAt = ({ seed, stream, row }: SampleAddress): Draws => {
  if (!Number.isInteger(stream) || stream < 0 || stream >= splits)
    throw new RangeError(`stream ${stream} is not an integer in [0, ${splits})`)
  if (!Number.isInteger(row) || row < 0 || row >= rows)
    throw new RangeError(`row ${row} is not an integer in [0, ${rows})`)
  const index = (stream * rows + row) * 2
  const run = { seed, stream: streams.data, index }
  // A sample takes 20 to 150 draws; a longer run begins with the shorter one.
  let drawn = uniforms(run, 128)
  let next = 0
  const uniform = (): number => {
    if (next === drawn.length) drawn = uniforms(run, 2 * drawn.length)
    return drawn[next++]!
  }
  const integer = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1))
  const shuffled = <A>(items: ReadonlyArray<A>): ReadonlyArray<A> => {
    const order = [...items]
    for (let i = order.length - 1; i > 0; i--) {
      const j = integer(0, i)
      const kept = order[i]!
      order[i] = order[j]!
      order[j] = kept
    }
    return order
  }
  return {
    uniform,
    integer,
    pick: (from) => from[integer(0, from.length - 1)]!,
    shuffled,
    normals: (n) => normals({ ...run, index: index + 1 }, n),
  }
}

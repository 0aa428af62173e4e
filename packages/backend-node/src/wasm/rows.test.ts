import { either as E } from 'fp-ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openNodeBackend } from '../withNodeBackend.ts'

const opened = await openNodeBackend({ prefer: 'wasm' })()
if (E.isLeft(opened)) throw new Error(opened.left.reason)
const { ops, gradients, memory, transfer } = opened.right.backend

const ROWS = 12
const run = fc.record({
  first: fc.integer({ min: 0, max: ROWS - 1 }),
  step: fc.integer({ min: -3, max: 3 }),
  count: fc.integer({ min: 1, max: 6 }),
})
/** Ids in runs of equal steps, as gathers that order rows anew have them, and single ones between. */
const idsOf = (runs: ReadonlyArray<{ readonly first: number; readonly step: number; readonly count: number }>) =>
  Int32Array.from(
    runs.flatMap(({ first, step, count }) => Array.from({ length: count }, (_, i) => first + i * step)),
  ).filter((id) => id >= 0 && id < ROWS)

describe('rows of a table', () => {
  it('property: come in the order of the ids, and gradients are added up where they came from', async () => {
    const lists = fc.array(run, { minLength: 1, maxLength: 5 }).map(idsOf)
    const someRows = lists.filter((ids) => ids.length > 0)
    await fc.assert(
      fc.asyncProperty(someRows, fc.constantFrom(1, 3, 4, 9), async (ids, width) => {
        const table = Float32Array.from({ length: ROWS * width }, (_, i) => i)
        const dy = Float32Array.from({ length: ids.length * width }, (_, i) => 1000 + i) // sums are exact
        const { value, grads } = memory.scope(() =>
          gradients.vjp(([x]) => ops.embedding(x!, ids))(
            [ops.fromHost({ shape: [ROWS, width], data: table })],
            ops.fromHost({ shape: [ids.length, width], data: dy }),
          ),
        )
        const read = async (x: typeof value): Promise<ReadonlyArray<number>> => {
          const host = await transfer.read(x)()
          memory.free([x])
          return E.isRight(host) ? [...host.right] : []
        }
        const sums = new Array<number>(ROWS * width).fill(0)
        ids.forEach((id, i) => {
          for (let j = 0; j < width; j++) sums[id * width + j]! += dy[i * width + j]!
        })
        expect(await read(value)).toEqual([...ids].flatMap((id) => [...table.subarray(id * width, (id + 1) * width)]))
        expect(await read(grads[0]!)).toEqual(sums)
      }),
      { seed: 4, numRuns: 300 },
    )
  })
})

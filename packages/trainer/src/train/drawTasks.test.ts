import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { rowOrder } from '../data/order.ts'
import type { Row } from '../data/types.ts'
import { sentence } from '../errors.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import { drawTasks } from './drawTasks.ts'
import { demoModel, value } from './testing.ts'

let processor: Processor
let red: Uint8Array
beforeAll(async () => {
  processor = await value(loadProcessor(demoModel))
  red = await readFile(fileURLToPath(new URL('../../goldens/parquet/pictures/red.png', import.meta.url)))
})

/** Rows 0 to n - 1; the bad ones have a picture that is cut off. */
const drawn = (n: number, bad: ReadonlyArray<number>, onBadRow: 'fail' | 'skip') => {
  const row = (i: number): Row => ({
    id: String(i),
    problem: '<image>Find x.',
    answer: '1',
    images: [bad.includes(i) ? red.subarray(0, red.length - 30) : red],
    extra: {},
  })
  const rows = Array.from({ length: n }, (_, i) => row(i))
  const order = rowOrder({ seed: 7, rows: n })
  return { order, draw: drawTasks({ processor, dataset: { rows, source: 'rows' }, order, onBadRow }) }
}

describe('drawTasks', () => {
  it('takes the next rows of the order', async () => {
    const { order, draw } = drawn(5, [], 'fail')
    const { tasks, ...counts } = await value(draw(3, 4))
    expect(tasks.map(({ row }) => row.id)).toEqual(order.take(3, 4).map(String))
    expect(counts).toEqual({ drawn: 4, skipped: 0 })
  })

  it('passes over rows that cannot be encoded only when asked, takes the next instead, and counts them', async () => {
    const bad = [1, 3]
    const { order, draw } = drawn(6, bad, 'skip')
    const { tasks, drawn: taken, skipped } = await value(draw(0, 4))
    const good = order.take(0, 6).filter((row) => !bad.includes(row))
    expect(tasks.map(({ row }) => row.id)).toEqual(good.slice(0, 4).map(String))
    expect(skipped).toBe(order.take(0, taken).filter((row) => bad.includes(row)).length)
    expect(skipped).toBe(taken - 4)
    const failed = await drawn(6, bad, 'fail').draw(0, 6)()
    expect(E.isLeft(failed) && sentence(failed.left)).toMatch(/^Row '[13]': image 1: /)
  })

  it('ends when not one row of an epoch can be used', async () => {
    const result = await drawn(3, [0, 1, 2], 'skip').draw(0, 2)()
    expect(E.isLeft(result) && sentence(result.left)).toMatch(/^Row '\d': image 1: /)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rowOrder } from './order.ts'

const sizes = fc.record({ seed: fc.nat(), rows: fc.integer({ min: 1, max: 40 }) })

describe('rowOrder', () => {
  it('property: visits each row once per epoch', () => {
    fc.assert(
      fc.property(sizes, fc.nat({ max: 5 }), ({ seed, rows }, epoch) => {
        const visited = rowOrder({ seed, rows }).take(epoch * rows, rows)
        expect([...visited].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i))
      }),
      { seed: 1 },
    )
  })

  it('property: goes on from any cursor as the uncut run does, whatever was asked for before', () => {
    fc.assert(
      fc.property(sizes, fc.nat({ max: 200 }), fc.nat({ max: 50 }), (options, cursor, count) => {
        const uncut = rowOrder(options).take(0, cursor + count)
        const resumed = rowOrder(options)
        resumed.rowAt(7 * options.rows)
        expect(resumed.take(cursor, count)).toEqual(uncut.slice(cursor))
      }),
      { seed: 2 },
    )
  })

  it('is another order in another epoch and under another seed', () => {
    const first = rowOrder({ seed: 1, rows: 50 })
    expect(first.take(0, 50)).not.toEqual(first.take(50, 50))
    expect(first.take(0, 50)).not.toEqual(rowOrder({ seed: 2, rows: 50 }).take(0, 50))
  })

  it('refuses an empty data set and a cursor that is no place', () => {
    expect(() => rowOrder({ seed: 0, rows: 0 })).toThrow(RangeError)
    expect(() => rowOrder({ seed: 0, rows: 3 }).rowAt(-1)).toThrow(/cursor -1/)
    expect(() => rowOrder({ seed: 0, rows: 3 }).rowAt(0.5)).toThrow(/cursor 0.5/)
  })
})

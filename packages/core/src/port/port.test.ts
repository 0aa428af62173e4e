import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../laws/referenceBackend.ts'
import { ShapeError } from '../ops/shape.ts'
import { bracketOf } from './bracket.ts'
import { treeWalks } from './tree.ts'
import { residentWeights } from './weights.ts'

class Cell {
  readonly label: string
  constructor(label: string) {
    this.label = label
  }
}
const walks = treeWalks((x: unknown): x is Cell => x instanceof Cell)
const [a, b, c] = [new Cell('a'), new Cell('b'), new Cell('c')]

describe('treeWalks', () => {
  const untouched = { when: new Date(0), f: () => a, numbers: Float32Array.of(1, 2), text: 'a', none: null }

  it('lists tensors in the order of arrays and keys, and looks into no class instance', () => {
    expect(walks.leaves({ x: [a, { y: b }], ...untouched, z: a })).toEqual([a, b, a])
    expect(walks.leaves(a)).toEqual([a])
    expect(walks.leaves(undefined)).toEqual([])
  })

  it('replaces tensors and leaves the rest as it is', () => {
    const mapped = walks.map({ x: [a, 3], ...untouched }, (x) => new Cell(`${x.label}!`))
    expect(mapped.x).toEqual([new Cell('a!'), 3])
    expect(mapped.numbers).toBe(untouched.numbers)
    expect(mapped.when).toBe(untouched.when)
    expect(a.label).toBe('a')
  })
})

describe('bracketOf', () => {
  const run = async (use: Parameters<ReturnType<typeof bracketOf<Cell>>>[0]) => {
    const freed: Array<string> = []
    const result = await bracketOf(walks, (x: Cell) => freed.push(x.label))(use).catch(() => 'failed')
    return { freed, result }
  }

  it('frees what it keeps on success and on failure, once each', async () => {
    const kept = await run(async ({ keep }) => {
      keep([a, { b }])
      keep(a)
    })
    expect(kept.freed).toEqual(['a', 'b'])
    const failed = await run(async ({ keep }) => {
      keep(a)
      await Promise.reject(new Error('injected'))
    })
    expect(failed).toEqual({ freed: ['a'], result: 'failed' })
  })

  it('hands over what it releases, and frees early only what it owns', async () => {
    const { freed, result } = await run(async ({ keep, release, free }) => {
      keep([a, b])
      free([b, c])
      return release(a)
    })
    expect(result).toBe(a)
    expect(freed).toEqual(['b'])
  })
})

describe('residentWeights', () => {
  it('picks the names below a prefix and cuts it off', () => {
    const weights = residentWeights({ 'layers.1.q': 1, 'layers.1.k': 2, 'layers.10.q': 3, norm: 4 })
    expect(weights.under('layers.1.')).toEqual({ q: 1, k: 2 })
    expect(weights.under('')).toEqual({ 'layers.1.q': 1, 'layers.1.k': 2, 'layers.10.q': 3, norm: 4 })
  })
})

describe('concatKvCaches', () => {
  const backend = referenceBackend()
  const { ops, kvCaches, memory } = backend
  const block = (...data: ReadonlyArray<number>) => ops.fromHost({ shape: [2, 1, data.length / 2, 1], data })

  it('puts new tokens behind the old, row by row, and counts them', () => {
    const first = kvCaches.append(kvCaches.create(), 0, block(1, 2), block(10, 20))
    const second = kvCaches.append(first, 0, block(3, 4, 5, 6), block(30, 40, 50, 60))
    expect(Array.from(second.keys[0]!.data)).toEqual([1, 3, 4, 2, 5, 6])
    expect(Array.from(second.values[0]!.data)).toEqual([10, 30, 40, 20, 50, 60])
    expect(second.length).toBe(3)
    expect(() => ops.neg(first.keys[0]!)).toThrow('freed')
    const picked = kvCaches.selectRows(second, [1, 1])
    expect(() => ops.neg(second.values[0]!)).toThrow('freed')
    expect(Array.from(picked.keys[0]!.data)).toEqual([2, 5, 6, 2, 5, 6])
    expect(picked.length).toBe(3)
    kvCaches.free(picked)
  })

  it('leaves the keys and values it is given to the caller', () => {
    const before = memory.liveTensors()
    const [keys, values] = [block(1, 2), block(3, 4)]
    const cache = kvCaches.append(kvCaches.create(), 0, keys, values)
    memory.free([keys, values])
    expect(Array.from(ops.neg(cache.keys[0]!).data)).toEqual([-1, -2])
    kvCaches.free(cache)
    expect(memory.liveTensors() - before).toBe(1) // the negation
  })

  it('refuses a layer out of order', () => {
    expect(() => kvCaches.append(kvCaches.create(), 1, block(1, 2), block(1, 2))).toThrow(ShapeError)
  })
})

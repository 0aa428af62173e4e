import { describe, expect, it } from 'vitest'
import { fixedTensor } from '../laws/arbitraries.ts'
import { derivedAttention } from './attention.ts'
import { linear, residualLinear } from './derived.ts'
import { referenceOps as ops } from './reference.ts'
import type { HostTensor } from './tensorOps.ts'

const on = (x: HostTensor) => ops.fromHost(x)

/** softmax(q . k + mask) v of one query, by hand. */
const oneQuery = (
  query: ReadonlyArray<number>,
  keys: ReadonlyArray<ReadonlyArray<number>>,
  { values, mask }: { readonly values: ReadonlyArray<ReadonlyArray<number>>; readonly mask: ReadonlyArray<number> },
): ReadonlyArray<number> => {
  const weights = keys.map((key, i) => Math.exp(key.reduce((sum, k, d) => sum + k * query[d]!, mask[i]!)))
  const total = weights.reduce((sum, w) => sum + w, 0)
  return query.map((_, d) => values.reduce((sum, value, i) => sum + (weights[i]! / total) * value[d]!, 0))
}

/** The rows of one run of [S, n, hd]. */
const rowsOf = ({ shape: [, n, width], data }: HostTensor, run: number): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: n! }, (_, i) =>
    Array.from({ length: width! }, (_unused, d) => data[(run * n! + i) * width! + d]!),
  )

describe('attention', () => {
  it('gives the mean of the values of equal keys', () => {
    const [queries, keys, values] = [
      { shape: [1, 1, 2], data: [3, -1] },
      { shape: [1, 2, 2], data: [1, 2, 1, 2] },
      { shape: [1, 2, 2], data: [0, 4, 2, 8] },
    ].map(on)
    expect([...derivedAttention(ops, queries!, { keys: keys!, values: values! }).data]).toEqual([1, 6])
  })

  it('meets shared keys before own ones, under the mask of its runs', () => {
    const shapes = [
      [4, 2, 3],
      [4, 2, 3],
      [4, 2, 3],
      [2, 3, 3],
      [2, 3, 3],
      [2, 2, 5],
    ]
    const [queries, keys, values, sharedKeys, sharedValues, mask] = shapes.map((shape, i) =>
      fixedTensor(shape, { lo: -1, hi: 1, offset: i / 1024 }),
    ) as [HostTensor, HostTensor, HostTensor, HostTensor, HostTensor, HostTensor]
    const mixed = derivedAttention(ops, on(queries), {
      keys: on(keys),
      values: on(values),
      shared: { keys: on(sharedKeys), values: on(sharedValues) },
      mask: on(mask),
    })
    for (let run = 0; run < 4; run++) {
      const set = Math.floor(run / 2)
      rowsOf(queries, run).forEach((query, i) => {
        const expected = oneQuery(query, [...rowsOf(sharedKeys, set), ...rowsOf(keys, run)], {
          values: [...rowsOf(sharedValues, set), ...rowsOf(values, run)],
          mask: rowsOf(mask, set)[i]!,
        })
        rowsOf(mixed, run)[i]!.forEach((x, d) => expect(x).toBeCloseTo(expected[d]!, 12))
      })
    }
  })

  it('hides the same keys from all queries with a mask of one row', () => {
    const [queries, keys, values] = [3, 2, 2].map((n) => on(fixedTensor([2, n, 1])))
    const mask = on({ shape: [1, 1, 2], data: [0, -1e9] })
    const mixed = derivedAttention(ops, queries!, { keys: keys!, values: values!, mask })
    expect([...mixed.data]).toEqual([0, 0, 0, 2, 2, 2].map((place) => values!.data[place]!))
  })
})

describe('residualLinear', () => {
  it('adds a linear to the stream', () => {
    const [stream, x, weight, bias] = [[2, 3], [2, 4], [3, 4], [3]].map((shape) => on(fixedTensor(shape)))
    const sum = residualLinear(ops, stream!, { x: x!, weight: weight!, bias: bias! })
    expect(sum).toEqual(ops.add(stream!, linear(ops, x!, weight!, bias)))
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tensor } from '../laws/arbitraries.ts'
import * as derived from './derived.ts'
import { referenceOps as ops } from './reference.ts'
import { ShapeError, type Shape } from './shape.ts'

const of = (shape: Shape, ...data: ReadonlyArray<number>) => ops.fromHost({ shape, data })
const numbers = (x: { readonly data: Float64Array }) => Array.from(x.data)

describe('derived programs', () => {
  it('fill keeps all digits of its value', () => {
    expect(numbers(derived.fill(ops, [2], 0.1))).toEqual([0.1, 0.1])
    expect(derived.zeros(ops, [2, 3]).shape).toEqual([2, 3])
  })

  it('sums and means over everything, over an axis and over a mask', () => {
    const x = of([2, 2], 1, 2, 3, 6)
    expect(derived.sumAll(ops, x)).toEqual(of([], 12))
    expect(derived.meanAll(ops, x)).toEqual(of([], 3))
    expect(derived.meanAxis(ops, x, 1)).toEqual(of([2, 1], 1.5, 4.5))
    expect(derived.maskedMean(ops, x, of([2, 2], 1, 0, 0, 1))).toEqual(of([], 3.5))
    expect(derived.maskedMean(ops, x, of([2, 2], 0, 0, 0, 0))).toEqual(of([], 0))
  })

  it('linear multiplies by the transposed weight and adds the bias', () => {
    const [x, weight] = [of([1, 2], 1, 2), of([3, 2], 1, 0, 0, 1, 1, 1)]
    expect(numbers(derived.linear(ops, x, weight))).toEqual([1, 2, 3])
    expect(numbers(derived.linear(ops, x, weight, of([3], 10, 20, 30)))).toEqual([11, 22, 33])
  })

  it('headEntropy is the entropy that headScores reports', () => {
    const [x, table] = [of([2, 2], 1, -2, 0.5, 3), of([3, 2], 1, 0, -0.5, 1, 2, 0.25)]
    const { entropy } = derived.headScores(ops, x, table, { ids: [0, 2] })
    const found = derived.headEntropy(ops, x, table)
    expect(found.shape).toEqual([2])
    numbers(found).forEach((value, i) => expect(value).toBeCloseTo(entropy.data[i]!, 14))
  })

  it('rmsNorm divides by the root of the mean square', () => {
    // mean(3^2, 4^2) = 12.5
    const root = Math.sqrt(12.5)
    const result = numbers(derived.rmsNorm(ops, of([1, 2], 3, 4), of([2], 1, 10), 0))
    expect(result).toEqual([expect.closeTo(3 / root, 14), expect.closeTo(40 / root, 14)])
  })

  it('rmsNorm and swiglu use the kernel of a backend that has one, rmsNorm in two dimensions', () => {
    const seen: Array<Shape> = []
    const fused = {
      ...ops,
      fused: {
        rmsNorm: (x: ReturnType<typeof of>) => {
          seen.push(x.shape)
          return ops.neg(x)
        },
        swiglu: (gate: ReturnType<typeof of>) => ops.neg(gate),
      },
    }
    expect(derived.rmsNorm(fused, of([2, 1, 1], 1, 2), of([1], 1), 0)).toEqual(of([2, 1, 1], -1, -2))
    expect(seen).toEqual([[2, 1]])
    expect(derived.swiglu(fused, of([1], 5), of([1], 7))).toEqual(of([1], -5))
  })

  it('swiglu, silu and gelu have the values of their formulas', () => {
    const sigmoid = 1 / (1 + Math.exp(-2))
    expect(numbers(derived.silu(ops, of([1], 2)))).toEqual([expect.closeTo(2 * sigmoid, 14)])
    expect(numbers(derived.swiglu(ops, of([1], 2), of([1], 3)))).toEqual([expect.closeTo(6 * sigmoid, 14)])
    // Phi(1) = 0.8413447460685429
    expect(numbers(derived.gelu(ops, of([2], 1, 0)))).toEqual([expect.closeTo(0.8413447460685429, 14), 0])
  })

  it('rotateHalf is a quarter turn of the halves, and four of them are none', () => {
    const x = of([1, 4], 1, 2, 3, 4)
    expect(numbers(derived.rotateHalf(ops, x))).toEqual([-3, -4, 1, 2])
    const turn = (y: typeof x) => derived.rotateHalf(ops, y)
    expect(turn(turn(turn(turn(x))))).toEqual(x)
    expect(() => turn(of([3], 1, 2, 3))).toThrow(ShapeError)
  })

  it('property: logSoftmax is the log of softmax', () => {
    fc.assert(
      fc.property(tensor([3, 4]), (host) => {
        const x = ops.fromHost(host)
        const [actual, expected] = [derived.logSoftmax(ops, x), ops.log(ops.softmax(x))]
        for (const [i, value] of expected.data.entries()) expect(actual.data[i]).toBeCloseTo(value, 12)
      }),
      { seed: 3 },
    )
  })

  it('logSoftmax stays finite far from zero', () => {
    expect(numbers(derived.logSoftmax(ops, of([1, 2], 1000, -1000)))).toEqual([0, -2000])
  })
})

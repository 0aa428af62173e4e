import { describe, expect, it } from 'vitest'
import { misuses } from '../laws/misuses.ts'
import { referenceOps as ops } from './reference.ts'
import { ShapeError, type Shape } from './shape.ts'

const tensor = (shape: Shape, ...data: ReadonlyArray<number>) => ops.fromHost({ shape, data })
const range = (shape: Shape) => tensor(shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i))
const numbers = (x: { readonly data: Float64Array }) => Array.from(x.data)

describe('referenceOps', () => {
  it('copies host data, so a later write does not reach the tensor', () => {
    const data = [1, 2]
    const x = ops.fromHost({ shape: [2], data })
    data[0] = 9
    expect(numbers(x)).toEqual([1, 2])
  })

  it('broadcasts a row, a column and a scalar', () => {
    const x = tensor([2, 3], 1, 2, 3, 4, 5, 6)
    expect(numbers(ops.add(x, tensor([3], 10, 20, 30)))).toEqual([11, 22, 33, 14, 25, 36])
    expect(numbers(ops.sub(x, tensor([2, 1], 1, 2)))).toEqual([0, 1, 2, 2, 3, 4])
    expect(numbers(ops.mul(tensor([], 2), x))).toEqual([2, 4, 6, 8, 10, 12])
  })

  it('broadcasts both operands at once', () => {
    const product = ops.mul(tensor([2, 1], 1, 10), tensor([1, 3], 1, 2, 3))
    expect(product.shape).toEqual([2, 3])
    expect(numbers(product)).toEqual([1, 2, 3, 10, 20, 30])
  })

  it('divides, and takes the smaller and the larger', () => {
    const [a, b] = [tensor([2], 6, 1), tensor([2], 3, 4)]
    expect(numbers(ops.div(a, b))).toEqual([2, 0.25])
    expect(numbers(ops.minimum(a, b))).toEqual([3, 1])
    expect(numbers(ops.maximum(a, b))).toEqual([6, 4])
  })

  it('has the elementwise functions of their names', () => {
    const x = tensor([3], -1, 0, 4)
    expect(numbers(ops.neg(x))).toEqual([1, -0, -4])
    expect(numbers(ops.square(x))).toEqual([1, 0, 16])
    expect(numbers(ops.abs(x))).toEqual([1, 0, 4])
    expect(numbers(ops.exp(x))).toEqual([Math.exp(-1), 1, Math.exp(4)])
    expect(numbers(ops.tanh(x))).toEqual([Math.tanh(-1), 0, Math.tanh(4)])
    expect(numbers(ops.sigmoid(tensor([2], 0, Math.log(3))))).toEqual([0.5, expect.closeTo(0.75, 15)])
    expect(numbers(ops.log(tensor([2], 1, 0)))).toEqual([0, -Infinity])
    expect(numbers(ops.sqrt(tensor([2], 9, 0)))).toEqual([3, 0])
    expect(numbers(ops.clip(tensor([4], -2, 0.5, 2, NaN), -1, 1))).toEqual([-1, 0.5, 1, NaN])
  })

  it('reduces an axis to size one', () => {
    const x = tensor([2, 3], 1, 5, 3, 4, 2, 6)
    expect(ops.sum(x, 0).shape).toEqual([1, 3])
    expect(numbers(ops.sum(x, 0))).toEqual([5, 7, 9])
    expect(numbers(ops.sum(x, 1))).toEqual([9, 12])
    expect(numbers(ops.max(x, 1))).toEqual([5, 6])
    expect(numbers(ops.cumsum(x, 1))).toEqual([1, 6, 9, 4, 6, 12])
    expect(numbers(ops.cumsum(x, 0))).toEqual([1, 5, 3, 5, 7, 9])
  })

  it('reduces the middle axis of three', () => {
    expect(numbers(ops.sum(range([2, 2, 2]), 1))).toEqual([2, 4, 10, 12])
  })

  it('softmax gives each row its own sum, and does not overflow', () => {
    expect(numbers(ops.softmax(tensor([2, 2], 0, Math.log(3), 1000, 1000)))).toEqual([
      expect.closeTo(0.25, 15),
      expect.closeTo(0.75, 15),
      0.5,
      0.5,
    ])
  })

  it('multiplies matrices, with each transpose', () => {
    const [a, b] = [tensor([2, 3], 1, 2, 3, 4, 5, 6), tensor([3, 2], 1, 0, 0, 1, 2, 2)]
    const product = [7, 8, 16, 17]
    const [aT, bT] = [ops.transpose(a, [1, 0]), ops.transpose(b, [1, 0])]
    expect(numbers(ops.matmul(a, b))).toEqual(product)
    expect(numbers(ops.matmul(aT, b, { transposeA: true }))).toEqual(product)
    expect(numbers(ops.matmul(a, bT, { transposeB: true }))).toEqual(product)
    expect(numbers(ops.matmul(aT, bT, { transposeA: true, transposeB: true }))).toEqual(product)
  })

  it('multiplies each matrix of a batch by its own partner', () => {
    const product = ops.matmul(tensor([2, 1, 2], 1, 2, 3, 4), tensor([2, 2, 1], 1, 1, 10, 100))
    expect(product.shape).toEqual([2, 1, 1])
    expect(numbers(product)).toEqual([3, 430])
  })

  it('transposes, slices and concatenates', () => {
    expect(numbers(ops.transpose(range([2, 3]), [1, 0]))).toEqual([0, 3, 1, 4, 2, 5])
    expect(ops.transpose(range([2, 3, 4]), [2, 0, 1]).shape).toEqual([4, 2, 3])
    expect(numbers(ops.slice(range([3, 4]), [1, 2], [2, 2]))).toEqual([6, 7, 10, 11])
    expect(numbers(ops.concat([range([2, 1]), range([2, 2])], 1))).toEqual([0, 0, 1, 1, 2, 3])
    expect(numbers(ops.concat([range([1, 2]), range([2, 2])], 0))).toEqual([0, 1, 0, 1, 2, 3])
  })

  it('takes rows of a table, repeated ones too', () => {
    const rows = ops.embedding(range([3, 2]), [2, 0, 2])
    expect(rows.shape).toEqual([3, 2])
    expect(numbers(rows)).toEqual([4, 5, 0, 1, 4, 5])
  })

  it('scores the chosen token and the whole row', () => {
    const { logprob, entropy } = ops.selectiveLogSoftmax(tensor([2, 2], 0, Math.log(3), 5, 5), [1, 0])
    expect(numbers(logprob)).toEqual([expect.closeTo(Math.log(0.75), 15), expect.closeTo(-Math.LN2, 15)])
    const first = -(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75))
    expect(numbers(entropy)).toEqual([expect.closeTo(first, 15), expect.closeTo(Math.LN2, 15)])
  })

  it('gives a row that excludes a token no NaN: p ln p is 0 there', () => {
    const { logprob, entropy } = ops.selectiveLogSoftmax(tensor([1, 3], 0, 0, -Infinity), [0])
    expect(numbers(logprob)).toEqual([expect.closeTo(-Math.LN2, 15)])
    expect(numbers(entropy)).toEqual([expect.closeTo(Math.LN2, 15)])
  })

  it.each(misuses)('refuses $name and names the shapes', ({ program }) => {
    expect(() => program(ops)).toThrow(ShapeError)
    expect(() => program(ops)).toThrow(/\[\d/)
  })

  it('refuses an empty concat, an empty clip interval and a maximum of nothing', () => {
    expect(() => ops.concat([], 0)).toThrow(ShapeError)
    expect(() => ops.clip(range([2]), 1, 0)).toThrow(ShapeError)
    expect(() => ops.max(range([0]), 0)).toThrow(ShapeError)
    expect(() => ops.softmax(tensor([], 1))).toThrow(ShapeError)
  })
})

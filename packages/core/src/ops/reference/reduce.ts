import { ShapeError, sizeOf } from '../shape.ts'
import { checkAxis, refTensor, type RefTensor } from './tensor.ts'

/** An axis seen as [outer, n, inner]: element (o, k, i) lies at (o * n + k) * inner + i. */
const around = (operation: string, x: RefTensor, axis: number) => {
  checkAxis(operation, x.shape, axis)
  return {
    outer: sizeOf(x.shape.slice(0, axis)),
    n: x.shape[axis]!,
    inner: sizeOf(x.shape.slice(axis + 1)),
  }
}

const reduction =
  (name: string, start: number, f: (total: number, x: number) => number) =>
  (x: RefTensor, axis: number): RefTensor => {
    const { outer, n, inner } = around(name, x, axis)
    const data = new Float64Array(outer * inner).fill(start)
    for (let o = 0; o < outer; o++) {
      for (let k = 0; k < n; k++) {
        for (let i = 0; i < inner; i++) data[o * inner + i] = f(data[o * inner + i]!, x.data[(o * n + k) * inner + i]!)
      }
    }
    return refTensor(x.shape.with(axis, 1), data)
  }

export const sum = reduction('sum', 0, (total, x) => total + x)

const largest = reduction('max', -Infinity, Math.max)

export const max = (x: RefTensor, axis: number): RefTensor => {
  if (x.shape[axis] === 0) throw new ShapeError(`max: axis ${axis} of [${x.shape}] is empty`)
  return largest(x, axis)
}

export const cumsum = (x: RefTensor, axis: number): RefTensor => {
  const { outer, n, inner } = around('cumsum', x, axis)
  const data = Float64Array.from(x.data)
  for (let o = 0; o < outer; o++) {
    for (let k = 1; k < n; k++) {
      for (let i = 0; i < inner; i++) data[(o * n + k) * inner + i]! += data[(o * n + k - 1) * inner + i]!
    }
  }
  return refTensor(x.shape, data)
}

export const softmax = (x: RefTensor): RefTensor => {
  if (x.shape.length === 0) throw new ShapeError('softmax: [] has no last axis')
  const width = x.shape[x.shape.length - 1]!
  const data = new Float64Array(x.data.length)
  for (let start = 0; start < data.length; start += width) {
    const row = x.data.subarray(start, start + width)
    // Shift by the maximum: exp(710) is already Infinity in float64, exp(89) in float32.
    const shift = row.reduce((a, b) => Math.max(a, b), -Infinity)
    const weights = row.map((value) => Math.exp(value - shift))
    const total = weights.reduce((a, b) => a + b, 0)
    data.set(
      weights.map((weight) => weight / total),
      start,
    )
  }
  return refTensor(x.shape, data)
}

import { ShapeError, sizeOf, stridesOf, type Shape } from '../shape.ts'
import { checkAxis, refTensor, stridedOffsets, takeOffsets, type RefTensor } from './tensor.ts'

export const reshape = (x: RefTensor, shape: Shape): RefTensor => {
  if (sizeOf(shape) !== sizeOf(x.shape)) throw new ShapeError(`reshape: [${x.shape}] does not fit into [${shape}]`)
  return refTensor([...shape], x.data)
}

export const transpose = (x: RefTensor, permutation: ReadonlyArray<number>): RefTensor => {
  const axes = [...permutation].sort((a, b) => a - b)
  if (axes.length !== x.shape.length || axes.some((axis, i) => axis !== i)) {
    throw new ShapeError(`transpose: [${permutation}] is not a permutation of the axes of [${x.shape}]`)
  }
  const strides = stridesOf(x.shape)
  const shape = permutation.map((axis) => x.shape[axis]!)
  return takeOffsets(
    x,
    shape,
    stridedOffsets(
      shape,
      permutation.map((axis) => strides[axis]!),
    ),
  )
}

export const slice = (x: RefTensor, begin: ReadonlyArray<number>, size: ReadonlyArray<number>): RefTensor => {
  const fits =
    begin.length === x.shape.length &&
    size.length === x.shape.length &&
    x.shape.every((n, axis) => begin[axis]! >= 0 && size[axis]! >= 0 && begin[axis]! + size[axis]! <= n)
  if (!fits) throw new ShapeError(`slice: begin [${begin}] and size [${size}] do not lie inside [${x.shape}]`)
  const strides = stridesOf(x.shape)
  const start = begin.reduce((offset, index, axis) => offset + index * strides[axis]!, 0)
  return takeOffsets(x, [...size], stridedOffsets(size, strides, start))
}

export const concat = (xs: ReadonlyArray<RefTensor>, axis: number): RefTensor => {
  const first = xs[0]
  if (first === undefined) throw new ShapeError('concat: there is nothing to put together')
  checkAxis('concat', first.shape, axis)
  for (const x of xs) {
    const fits = x.shape.length === first.shape.length && x.shape.every((n, i) => i === axis || n === first.shape[i])
    if (!fits) throw new ShapeError(`concat: [${first.shape}] and [${x.shape}] differ outside axis ${axis}`)
  }
  const length = xs.reduce((total, x) => total + x.shape[axis]!, 0)
  const outer = sizeOf(first.shape.slice(0, axis))
  const data = new Float64Array(sizeOf(first.shape.with(axis, 1)) * length)
  let filled = 0
  for (let o = 0; o < outer; o++) {
    for (const x of xs) {
      const chunk = x.data.length / outer
      data.set(x.data.subarray(o * chunk, (o + 1) * chunk), filled)
      filled += chunk
    }
  }
  return refTensor(first.shape.with(axis, length), data)
}

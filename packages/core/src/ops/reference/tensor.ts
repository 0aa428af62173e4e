import { ShapeError, sizeOf, stridesOf, type Shape } from '../shape.ts'
import type { HostTensor } from '../tensorOps.ts'

/** A tensor of the reference interpreter: float64, row-major. */
export interface RefTensor extends HostTensor {
  readonly shape: Shape
  readonly data: Float64Array
}

export const refTensor = (shape: Shape, data: Float64Array): RefTensor => ({ shape, data })

/** @throws ShapeError when the shape and the number of elements disagree */
export const refFromHost = ({ shape, data }: HostTensor): RefTensor => {
  if (sizeOf(shape) !== data.length) {
    throw new ShapeError(`shape [${shape}] holds ${sizeOf(shape)} elements, the data ${data.length}`)
  }
  return refTensor([...shape], Float64Array.from(data))
}

/** @throws ShapeError when the axis is not one of the shape's */
export const checkAxis = (operation: string, shape: Shape, axis: number): void => {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    throw new ShapeError(`${operation}: axis ${axis} is not one of the ${shape.length} axes of [${shape}]`)
  }
}

/** Where each element of `shape` lies in a buffer whose axes are `strides` elements apart, in row-major order. */
export const stridedOffsets = (shape: Shape, strides: ReadonlyArray<number>, start = 0): Int32Array => {
  const offsets = new Int32Array(sizeOf(shape))
  const index = new Array<number>(shape.length).fill(0)
  let offset = start
  for (let i = 0; i < offsets.length; i++) {
    offsets[i] = offset
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis]!
      index[axis]!++
      if (index[axis]! < shape[axis]!) break
      offset -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return offsets
}

/** Offsets into `from` that repeat it over `to`: stride 0 where the axis is missing or has size 1. */
export const broadcastOffsets = (from: Shape, to: Shape): Int32Array => {
  const strides = stridesOf(from)
  const missing = to.length - from.length
  return stridedOffsets(
    to,
    to.map((_, axis) => (axis < missing || from[axis - missing] === 1 ? 0 : strides[axis - missing]!)),
  )
}

export const takeOffsets = (x: RefTensor, shape: Shape, offsets: Int32Array): RefTensor => {
  // A loop: Float64Array.from with a callback takes 20 times as long.
  const data = new Float64Array(offsets.length)
  for (let i = 0; i < data.length; i++) data[i] = x.data[offsets[i]!]!
  return refTensor(shape, data)
}

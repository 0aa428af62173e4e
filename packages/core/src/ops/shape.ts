/** Sizes of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = ReadonlyArray<number>

/** A programmer's mistake: shapes that do not fit together. Thrown, never returned. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

/** Number of elements of a shape; 1 for a scalar. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1)

/** Row-major strides, in elements. */
export const stridesOf = (shape: Shape): ReadonlyArray<number> => {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= shape[axis]!
  }
  return strides
}

/**
 * The shape two operands broadcast to, as NumPy does: aligned at the last axis, sizes equal or 1.
 * @throws ShapeError when they do not broadcast
 */
export const broadcastShape = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (x !== y && x !== 1 && y !== 1) throw new ShapeError(`[${a}] and [${b}] do not broadcast`)
    return x === 1 ? y : x
  })
}

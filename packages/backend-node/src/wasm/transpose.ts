import { alias, floats, type TensorInfo, type WasmBackend } from './heap.ts'
import type { KernelFunc } from './kernel.ts'

/** The axes merged as far as a permutation keeps neighbours together: [2,3,4,5] with (0,1,3,2) is [6,4,5] with (0,2,1). */
const merged = (shape: ReadonlyArray<number>, permutation: ReadonlyArray<number>) => {
  const kept = permutation.filter((axis) => shape[axis] !== 1)
  const runs: number[][] = []
  for (const axis of kept) {
    const last = runs.at(-1)
    if (last !== undefined && nextKept(shape, last.at(-1)!) === axis) last.push(axis)
    else runs.push([axis])
  }
  const order = runs.map((_, i) => i).sort((i, j) => runs[i]![0]! - runs[j]![0]!)
  return {
    shape: order.map((i) => runs[i]!.reduce((product, axis) => product * shape[axis]!, 1)),
    permutation: runs.map((_, i) => order.indexOf(i)),
  }
}

const nextKept = (shape: ReadonlyArray<number>, axis: number): number => {
  let next = axis + 1
  while (shape[next] === 1) next++
  return next
}

/** x with its axes permuted, as a fresh tensor; the same data under another handle where nothing moves. */
export const transposed = (backend: WasmBackend, x: TensorInfo, permutation: ReadonlyArray<number>): TensorInfo => {
  const outShape = permutation.map((axis) => x.shape[axis]!)
  const simple = merged(x.shape, permutation)
  if (simple.permutation.every((axis, i) => axis === i)) return alias(backend, x, outShape)
  const out = backend.makeOutput(outShape, x.dtype)
  // int32 and float32 are moved alike, as 4 bytes
  permute(floats(backend, x), floats(backend, out), simple.shape, simple.permutation)
  return out
}

const permute = (
  from: Float32Array,
  to: Float32Array,
  shape: ReadonlyArray<number>,
  permutation: ReadonlyArray<number>,
): void => {
  const rank = shape.length
  const strides = new Array<number>(rank).fill(1)
  for (let axis = rank - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  const steps = permutation.map((axis) => strides[axis]!)
  const sizes = permutation.map((axis) => shape[axis]!)
  const [rows, columns] = [sizes[rank - 2]!, sizes[rank - 1]!]
  const [rowStep, columnStep] = [steps[rank - 2]!, steps[rank - 1]!]
  const index = new Array<number>(Math.max(0, rank - 2)).fill(0)
  let start = 0
  for (let base = 0; base < to.length; base += rows * columns) {
    if (columnStep === 1) copyRows(from, to, { start, base, rows, columns, rowStep })
    else transposePlane(from, to, { start, base, rows, columns, rowStep, columnStep })
    for (let axis = rank - 3; axis >= 0; axis--) {
      start += steps[axis]!
      if (++index[axis]! < sizes[axis]!) break
      start -= steps[axis]! * sizes[axis]!
      index[axis] = 0
    }
  }
}

interface Plane {
  readonly start: number
  readonly base: number
  readonly rows: number
  readonly columns: number
  readonly rowStep: number
}

const copyRows = (from: Float32Array, to: Float32Array, { start, base, rows, columns, rowStep }: Plane): void => {
  if (columns >= 48) {
    for (let row = 0; row < rows; row++) {
      const source = start + row * rowStep
      to.set(from.subarray(source, source + columns), base + row * columns)
    }
    return
  }
  let t = base
  for (let row = 0; row < rows; row++) {
    let s = start + row * rowStep
    for (const end = t + columns; t < end;) to[t++] = from[s++]!
  }
}

/** 16 x 16 blocks: both sides stay within a few cache lines. */
const BLOCK = 16

const transposePlane = (
  from: Float32Array,
  to: Float32Array,
  { start, base, rows, columns, rowStep, columnStep }: Plane & { readonly columnStep: number },
): void => {
  for (let row0 = 0; row0 < rows; row0 += BLOCK) {
    const rowEnd = Math.min(rows, row0 + BLOCK)
    for (let column0 = 0; column0 < columns; column0 += BLOCK) {
      const columnEnd = Math.min(columns, column0 + BLOCK)
      for (let row = row0; row < rowEnd; row++) {
        let source = start + row * rowStep + column0 * columnStep
        let target = base + row * columns + column0
        for (let column = column0; column < columnEnd; column++) {
          to[target++] = from[source]!
          source += columnStep
        }
      }
    }
  }
}

export const transpose =
  (backend: WasmBackend): KernelFunc =>
  ({ inputs, attrs }) =>
    transposed(backend, inputs['x']!, attrs['perm'] as number[])

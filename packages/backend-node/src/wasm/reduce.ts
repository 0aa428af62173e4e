import { address, floats, sizeOf, withScratch, type TensorInfo } from './heap.ts'
import type { Device, KernelFunc } from './kernel.ts'

/** Rows summed in one go: partial sums of this many, so that 15,000 rows lose no digits to one long running total. */
const ROWS = 128

/** Column sums of [rows, width] numbers at `from`, added to what is at `to`. */
const addColumns = ({ simd }: Device, from: number, to: number, rows: number, width: number): void => {
  for (let row = 0; row < rows; row += ROWS) {
    simd.sumColumns(from + 4 * row * width, to, Math.min(ROWS, rows - row), 4 * width)
  }
}

/** Stock sum is quick over the last axes only; others it transposes first. */
export const sum = (device: Device): KernelFunc => {
  const { backend } = device
  const stock = device.stock('Sum')
  return (call) => {
    const x = call.inputs['x']!
    const { axis, keepDims } = call.attrs as { readonly axis: number | number[] | null; readonly keepDims?: boolean }
    const rank = x.shape.length
    const axes = (axis === null ? x.shape.map((_, i) => i) : [axis].flat())
      .map((i) => (i + rank) % rank)
      .sort((a, b) => a - b)
    const [first, last] = [axes[0], axes.at(-1)]
    const oneBlock = first !== undefined && last !== undefined && last - first + 1 === axes.length
    const inner = last === undefined ? 1 : sizeOf(x.shape.slice(last + 1))
    if (!oneBlock || inner === 1 || x.dtype !== 'float32') return stock(call)
    const outer = sizeOf(x.shape.slice(0, first))
    const rows = sizeOf(x.shape.slice(first, last + 1))
    const shape = x.shape.flatMap((size, i) => (i < first || i > last ? [size] : keepDims === true ? [1] : []))
    const out = backend.makeOutput(shape, 'float32')
    floats(backend, out).fill(0)
    const [from, to] = [address(backend, x), address(backend, out)]
    for (let o = 0; o < outer; o++) {
      addColumns(device, from + 4 * o * rows * inner, to + 4 * o * inner, rows, inner)
    }
    return out
  }
}

/** Sum over one axis, which stays. */
export const sumOneAxis =
  (device: Device): KernelFunc =>
  ({ inputs, attrs }) =>
    sum(device)({ inputs, attrs: { axis: [attrs['axis']], keepDims: true } })

/** The gradient of a sum: dy repeated along the axis. */
export const sumGrad =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const dy = inputs['dy']!
    const { axis, size } = attrs as { readonly axis: number; readonly size: number }
    const outer = sizeOf(dy.shape.slice(0, axis))
    const inner = 4 * sizeOf(dy.shape.slice(axis + 1))
    const out = backend.makeOutput(
      dy.shape.map((n, i) => (i === axis ? size : n)),
      'float32',
    )
    const [from, to] = [address(backend, dy), address(backend, out)]
    if (inner === 4) simd.fillRows(from, to, outer, 4 * size)
    else for (let o = 0; o < outer; o++) simd.copyRows(from + o * inner, to + o * size * inner, size, inner, 0, inner)
    return out
  }

/** XNNPACK's, over the last axis. */
export const softmax = (device: Device): KernelFunc => {
  const stock = device.stock('Softmax')
  return ({ inputs }) => {
    const x = inputs['x']!
    return stock({ inputs: { logits: x }, attrs: { dim: x.shape.length - 1 } })
  }
}

export const softmaxGrad =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs }) => {
    const [dy, y] = [inputs['dy']!, inputs['y']!]
    const out = backend.makeOutput(y.shape, 'float32')
    const [rows, bytes] = rowsOf(y)
    simd.softmaxGrad(address(backend, dy), address(backend, y), address(backend, out), rows, bytes)
    return out
  }

export const rmsNorm =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const [x, weight] = [inputs['x']!, inputs['weight']!]
    const out = backend.makeOutput(x.shape, 'float32')
    const [rows, bytes] = rowsOf(x)
    const places = [x, weight, out].map((t) => address(backend, t))
    simd.rmsNorm(...places, rows, bytes, attrs['epsilon'] as number)
    return out
  }

export const rmsNormGrad =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const [dy, x, weight] = [inputs['dy']!, inputs['x']!, inputs['weight']!]
    const [dx, dWeight] = [backend.makeOutput(x.shape, 'float32'), backend.makeOutput(weight.shape, 'float32')]
    const [rows, bytes] = rowsOf(x)
    const width = bytes / 4
    const total = new Float64Array(width)
    withScratch(backend, width, (partial) => {
      const [dyAt, xAt, weightAt, dxAt] = [dy, x, weight, dx].map((t) => address(backend, t)) as unknown as Four
      for (let row = 0; row < rows; row += ROWS) {
        const sums = new Float32Array(backend.wasm.HEAPU8.buffer, partial, width).fill(0)
        const skip = row * bytes
        const count = Math.min(ROWS, rows - row)
        const epsilon = attrs['epsilon'] as number
        simd.rmsNormGrad(dyAt + skip, xAt + skip, weightAt, dxAt + skip, partial, count, bytes, epsilon)
        for (let i = 0; i < width; i++) total[i]! += sums[i]!
      }
    })
    floats(backend, dWeight).set(total)
    return [dx, dWeight]
  }

type Four = readonly [number, number, number, number]

/** Rows of the last axis, and a row's bytes. */
const rowsOf = ({ shape }: TensorInfo): readonly [rows: number, bytes: number] => [
  sizeOf(shape.slice(0, -1)),
  4 * shape.at(-1)!,
]

import type { KernelFunc, TensorLike } from './kernel.ts'
import { address, type TensorInfo, type WasmBackend } from './heap.ts'
import { transposed } from './transpose.ts'

type Multiply = (...values: unknown[]) => void

/**
 * Stock BatchMatMul calls XNNPACK only without transposes and for a single batch item (a training step took 5.5 s instead of 1.1 s),
 * and it caches packed weights by tensor id alone, so a reshaped alias of a weight multiplies with the wrong packing, in silence.
 * Here every operand is transposed explicitly and every product gets fresh ids, so nothing packed outlives its call.
 */
export const batchMatMul = (backend: WasmBackend): KernelFunc => {
  const multiply: Multiply = backend.wasm.cwrap('BatchMatMul', null, [
    'number',
    'array',
    'number',
    'number',
    'array',
    'number',
    'number',
    'number',
    'number',
  ])
  return ({ inputs, attrs }) => {
    const a = inputs['a']!
    const b = inputs['b']!
    const { transposeA, transposeB } = attrs as { readonly transposeA: boolean; readonly transposeB: boolean }
    const left = transposeA ? swapped(backend, a) : a
    const right = transposeB ? swapped(backend, b) : b
    const [m, k] = left.shape.slice(-2) as [number, number]
    const n = right.shape.at(-1)!
    const batch = left.shape.slice(0, -2)
    const items = batch.reduce((product, size) => product * size, 1)
    const out = backend.makeOutput([...batch, m, n], 'float32')
    if (items * m * k * n > 0) {
      product(backend, multiply, { left, right, out, items, m, k, n })
    } else {
      new Float32Array(backend.wasm.HEAPU8.buffer, address(backend, out), items * m * n).fill(0)
    }
    if (transposeA) backend.disposeData(left.dataId)
    if (transposeB) backend.disposeData(right.dataId)
    return out
  }
}

interface Product {
  readonly left: TensorInfo
  readonly right: TensorInfo
  readonly out: TensorInfo
  readonly items: number
  readonly m: number
  readonly k: number
  readonly n: number
}

const product = (backend: WasmBackend, multiply: Multiply, { left, right, out, items, m, k, n }: Product): void => {
  const { tfjs } = backend.wasm
  const leftShape = int32Bytes([1, m, k])
  const rightShape = int32Bytes([1, k, n])
  for (let item = 0; item < items; item++) {
    const [leftId, rightId, outId] = [fresh(backend), fresh(backend), fresh(backend)]
    tfjs.registerTensor(leftId, m * k, address(backend, left) + item * m * k * 4)
    tfjs.registerTensor(rightId, k * n, address(backend, right) + item * k * n * 4)
    tfjs.registerTensor(outId, m * n, address(backend, out) + item * m * n * 4)
    multiply(leftId, leftShape, 3, rightId, rightShape, 3, 0, 0, outId)
    tfjs.disposeData(leftId)
    tfjs.disposeData(rightId)
    tfjs.disposeData(outId)
  }
}

const fresh = (backend: WasmBackend): number => backend.dataIdNextNumber++

const int32Bytes = (values: ReadonlyArray<number>): Uint8Array => new Uint8Array(new Int32Array(values).buffer)

const swapped = (backend: WasmBackend, x: TensorLike): TensorInfo => {
  const rank = x.shape.length
  const permutation = x.shape.map((_, axis) => (axis < rank - 2 ? axis : axis === rank - 2 ? rank - 1 : rank - 2))
  return transposed(backend, x, permutation)
}

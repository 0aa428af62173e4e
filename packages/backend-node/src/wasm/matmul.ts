import { address, floats, sizeOf, type TensorInfo, type WasmBackend } from './heap.ts'
import type { Device, KernelFunc } from './kernel.ts'
import { transposed } from './transpose.ts'

type Multiply = (...values: unknown[]) => void

/**
 * Stock BatchMatMul calls XNNPACK only without transposes and for a single batch item (a training step took 5.5 s instead of 1.1 s),
 * and it caches packed weights by tensor id alone, so a reshaped alias of a weight multiplies with the wrong packing, in silence.
 * Here operands are transposed explicitly and every product gets fresh ids, so nothing packed outlives its call.
 */
export const batchMatMul = (device: Device): KernelFunc => {
  const { backend } = device
  const multiply = backend.wasm.cwrap('BatchMatMul', null, [
    ...['number', 'array', 'number'],
    ...['number', 'array', 'number'],
    ...['number', 'number', 'number'],
  ])
  const multiplied = (a: TensorInfo, b: TensorInfo): TensorInfo => plainProduct(backend, multiply, a, b)
  const swapped = (x: TensorInfo): TensorInfo => {
    const axes = x.shape.map((_, axis) => axis)
    return transposed(device, x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2])
  }
  const freeing = (x: TensorInfo, use: (x: TensorInfo) => TensorInfo): TensorInfo => {
    const result = use(x)
    backend.disposeData(x.dataId)
    return result
  }

  return ({ inputs, attrs }) => {
    const [a, b] = [inputs['a']!, inputs['b']!]
    const { transposeA, transposeB } = attrs as { readonly transposeA: boolean; readonly transposeB: boolean }
    if (transposeA && transposeB) return freeing(multiplied(b, a), swapped)
    // A^T B = (B^T A)^T: where B and the result are small beside A, turning them is cheaper
    if (transposeA && sizeOf(b.shape) + a.shape.at(-1)! * (sizeOf(b.shape) / b.shape.at(-2)!) < sizeOf(a.shape)) {
      return freeing(swapped(b), (turned) => freeing(multiplied(turned, a), swapped))
    }
    if (transposeA) return freeing(swapped(a), (turned) => multiplied(turned, b))
    if (transposeB) return freeing(swapped(b), (turned) => multiplied(a, turned))
    return multiplied(a, b)
  }
}

/** [.., M, K] x [.., K, N], batch item by batch item. */
const plainProduct = (backend: WasmBackend, multiply: Multiply, a: TensorInfo, b: TensorInfo): TensorInfo => {
  const { tfjs } = backend.wasm
  const [m, k] = a.shape.slice(-2) as [number, number]
  const n = b.shape.at(-1)!
  const batch = a.shape.slice(0, -2)
  const out = backend.makeOutput([...batch, m, n], 'float32')
  if (sizeOf(batch) * m * k * n === 0) {
    floats(backend, out).fill(0)
    return out
  }
  const [aStart, bStart, outStart] = [address(backend, a), address(backend, b), address(backend, out)]
  const [aShape, bShape] = [int32Bytes([1, m, k]), int32Bytes([1, k, n])]
  const fresh = (size: number, start: number): number => {
    const id = backend.dataIdNextNumber++
    tfjs.registerTensor(id, size, start)
    return id
  }
  for (let item = 0; item < sizeOf(batch); item++) {
    const ids = [
      fresh(m * k, aStart + 4 * item * m * k),
      fresh(k * n, bStart + 4 * item * k * n),
      fresh(m * n, outStart + 4 * item * m * n),
    ] as const
    multiply(ids[0], aShape, 3, ids[1], bShape, 3, 0, 0, ids[2])
    // also drops the packed weights that XNNPACK keeps by id
    ids.forEach((id) => tfjs.disposeData(id))
  }
  return out
}

const int32Bytes = (values: ReadonlyArray<number>): Uint8Array => new Uint8Array(new Int32Array(values).buffer)

import { floats, ints, type TensorInfo, type WasmBackend } from './heap.ts'
import type { KernelFunc } from './kernel.ts'

/** Rows of a table, copied: [V, d], N ids -> [N, d]. */
export const embedding =
  (backend: WasmBackend): KernelFunc =>
  ({ inputs, attrs }) => {
    const table = inputs['table']!
    const ids = attrs['ids'] as Int32Array
    const width = table.shape[1]!
    const out = backend.makeOutput([ids.length, width], table.dtype)
    copyRows(floats(backend, table), floats(backend, out), ids, width)
    return out
  }

/** Rows added up where they came from: [N, d] -> [V, d]. */
export const embeddingGrad =
  (backend: WasmBackend): KernelFunc =>
  ({ inputs, attrs }) =>
    addedRows(backend, inputs['dy']!, attrs['ids'] as Int32Array, attrs['rows'] as number)

/** Missing from tfjs's wasm backend (tensorflow/tfjs#8082), so `tf.gather` had no gradient there. Negative ids are left out, as TensorFlow does. */
export const unsortedSegmentSum =
  (backend: WasmBackend): KernelFunc =>
  ({ inputs, attrs }) => {
    const ids = inputs['segmentIds']!
    return addedRows(backend, inputs['x']!, ints(backend, ids).slice(), attrs['numSegments'] as number)
  }

const addedRows = (backend: WasmBackend, x: TensorInfo, ids: Int32Array, rows: number): TensorInfo => {
  const rest = x.shape.slice(1)
  const width = rest.reduce((product, size) => product * size, 1)
  const out = backend.makeOutput([rows, ...rest], 'float32')
  const from = floats(backend, x)
  const to = floats(backend, out).fill(0)
  for (let i = 0; i < ids.length; i++) {
    if (ids[i]! < 0) continue
    let source = i * width
    const start = ids[i]! * width
    for (let target = start; target < start + width; target++) to[target]! += from[source++]!
  }
  return out
}

const copyRows = (from: Float32Array, to: Float32Array, ids: Int32Array, width: number): void => {
  for (let i = 0; i < ids.length; i++) {
    const start = ids[i]! * width
    if (width >= 48) to.set(from.subarray(start, start + width), i * width)
    else for (let j = 0; j < width; j++) to[i * width + j] = from[start + j]!
  }
}

import { address, floats, ints, withScratch, type TensorInfo, type WasmBackend } from './heap.ts'
import type { Device, KernelFunc } from './kernel.ts'

/** Rows of a table, copied: [V, d], N ids -> [N, d]. */
export const embedding =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const table = inputs['table']!
    const ids = attrs['ids'] as Int32Array
    const bytes = 4 * table.shape[1]!
    const out = backend.makeOutput([ids.length, table.shape[1]!], table.dtype)
    const [from, to] = [address(backend, table), address(backend, out)]
    eachRun(ids, (start, count, step) =>
      simd.copyRows(from + ids[start]! * bytes, to + start * bytes, count, bytes, step * bytes, bytes),
    )
    return out
  }

/**
 * Neighbouring ids that are as far apart: gathers that put rows in another order have long such runs, and a call for each id costs more than a
 * narrow row does.
 */
const eachRun = (ids: Int32Array, visit: (start: number, count: number, step: number) => void): void => {
  for (let start = 0, end; start < ids.length; start = end) {
    const step = start + 1 < ids.length ? ids[start + 1]! - ids[start]! : 0
    for (end = start + 1; end < ids.length && ids[end]! - ids[end - 1]! === step; end++);
    visit(start, end - start, step)
  }
}

/** Rows added up where they came from: [N, d] -> [V, d]. */
export const embeddingGrad =
  (device: Device): KernelFunc =>
  ({ inputs, attrs }) =>
    addedRows(device, inputs['dy']!, attrs['ids'] as Int32Array, attrs['rows'] as number)

/** Missing from tfjs's wasm backend (tensorflow/tfjs#8082), so `tf.gather` had no gradient there. Negative ids are left out, as TensorFlow does. */
export const unsortedSegmentSum =
  (device: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const ids = ints(device.backend, inputs['segmentIds']!).slice()
    return addedRows(device, inputs['x']!, ids, attrs['numSegments'] as number)
  }

const addedRows = ({ backend, simd }: Device, x: TensorInfo, ids: Int32Array, rows: number): TensorInfo => {
  const rest = x.shape.slice(1)
  const bytes = 4 * rest.reduce((product, size) => product * size, 1)
  const out = backend.makeOutput([rows, ...rest], 'float32')
  floats(backend, out).fill(0)
  const [from, to] = [address(backend, x), address(backend, out)]
  const touched = new Uint8Array(rows)
  eachRun(ids, (start, count, step) => {
    const [first, source] = [ids[start]!, from + start * bytes]
    const own = ids.subarray(start, start + count)
    if (first >= 0 && step === 0) simd.sumColumns(source, to + first * bytes, count, bytes)
    else if (first >= 0 && step > 0 && own.every((id) => touched[id] === 0))
      simd.copyRows(source, to + first * bytes, count, bytes, bytes, step * bytes)
    else
      own.forEach((id, i) => {
        if (id >= 0) simd.sumColumns(source + i * bytes, to + id * bytes, 1, bytes)
      })
    own.forEach((id) => (touched[id] = 1))
  })
  return out
}

/** Log-prob of the chosen token and entropy of each row, in one pass over the logits. */
export const selectiveLogSoftmax =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const logits = inputs['logits']!
    const ids = attrs['ids'] as Int32Array
    const [rows, width] = logits.shape as [number, number]
    const [logprob, entropy] = [backend.makeOutput([rows], 'float32'), backend.makeOutput([rows], 'float32')]
    withScratch(backend, 3 * rows, (stats) => {
      const { largest, total, weighted } = rowStats({ backend, simd }, logits, stats)
      const [z, chosen, spread] = [floats(backend, logits), floats(backend, logprob), floats(backend, entropy)]
      for (let row = 0; row < rows; row++) {
        const logTotal = Math.log(total(row))
        chosen[row] = z[row * width + ids[row]!]! - largest(row) - logTotal
        spread[row] = logTotal - weighted(row) / total(row)
      }
    })
    return [logprob, entropy]
  }

/** (onehot - softmax) dy. */
export const selectiveLogSoftmaxGrad =
  ({ backend, simd }: Device): KernelFunc =>
  ({ inputs, attrs }) => {
    const [dy, logits] = [inputs['dy']!, inputs['logits']!]
    const ids = attrs['ids'] as Int32Array
    const [rows, width] = logits.shape as [number, number]
    const out = backend.makeOutput(logits.shape, 'float32')
    withScratch(backend, 4 * rows, (stats) => {
      const { largest, total } = rowStats({ backend, simd }, logits, stats)
      const normalisers = stats + 12 * rows
      const normaliser = new Float32Array(backend.wasm.HEAPU8.buffer, normalisers, rows)
      for (let row = 0; row < rows; row++) normaliser[row] = largest(row) + Math.log(total(row))
      const [from, to] = [address(backend, logits), address(backend, out)]
      simd.negatedSoftmaxTimes(from, normalisers, address(backend, dy), to, rows, 4 * width)
    })
    const [weights, dx] = [floats(backend, dy), floats(backend, out)]
    for (let row = 0; row < rows; row++) dx[row * width + ids[row]!]! += weights[row]!
    return out
  }

/** Each row's maximum m, sum e^(x-m) and sum e^(x-m) (x-m), left in `stats`, [N, 3]. */
const rowStats = ({ backend, simd }: { backend: WasmBackend; simd: Device['simd'] }, x: TensorInfo, stats: number) => {
  const [rows, width] = x.shape as [number, number]
  simd.rowStats(address(backend, x), stats, rows, 4 * width)
  const values = new Float32Array(backend.wasm.HEAPU8.buffer, stats, 3 * rows)
  return {
    largest: (row: number) => values[3 * row]!,
    total: (row: number) => values[3 * row + 1]!,
    weighted: (row: number) => values[3 * row + 2]!,
  }
}

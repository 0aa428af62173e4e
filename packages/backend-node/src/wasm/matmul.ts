import { address, floats, sizeOf, withScratch } from './heap.ts'
import type { Device, KernelFunc } from './kernel.ts'
import { chunksOf, multiplyChunk, scratchOf, type Places, type Sizes } from './product.ts'
import { sharesOf } from './threads/shares.ts'
import { productValues } from './threads/tasks.ts'

/**
 * Own matrix product. Stock BatchMatMul uses XNNPACK only without transposes and for a single batch item, and a scalar triple loop else (a
 * training step took 5.5 s instead of 1.1 s); and it caches packed weights by tensor id alone, so a reshaped alias of a weight
 * multiplies with the wrong packing, in silence. Here nothing outlives a call, and transposes cost nothing on the left and little on the right.
 */
export const batchMatMul = (device: Device): KernelFunc => {
  const { backend } = device
  return ({ inputs, attrs }) => {
    const [a, b] = [inputs['a']!, inputs['b']!]
    const { transposeA, transposeB } = attrs as { readonly transposeA: boolean; readonly transposeB: boolean }
    const [m, k] = ordered(a.shape, transposeA)
    const [, n] = ordered(b.shape, transposeB)
    const batch = a.shape.slice(0, -2)
    const out = backend.makeOutput([...batch, m, n], 'float32')
    if (k === 0) floats(backend, out).fill(0)
    if (sizeOf(out.shape) === 0 || k === 0) return out
    const places = { a: address(backend, a), b: address(backend, b), out: address(backend, out) }
    products(device, { m, k, n, transposeA, transposeB }, sizeOf(batch), places)
    return out
  }
}

const ordered = (shape: ReadonlyArray<number>, transpose: boolean): readonly [number, number] => {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transpose ? [columns, rows] : [rows, columns]
}

/** Every item's product, divided among the threads where there are some and it is worth their while. */
const products = ({ backend, simd, pool }: Device, sizes: Sizes, items: number, at: Omit<Places, 'scratch'>): void => {
  const whole = { items, rows: sizes.m, columns: sizes.n }
  const shares = (pool === undefined ? undefined : sharesOf(sizes, items, pool.scale)) ?? whole
  const divided = { sizes, items, shares }
  const scratchEach = scratchOf(divided)
  const threads = shares === whole ? 1 : pool!.threads
  withScratch(backend, (threads * scratchEach) / 4, (scratch) => {
    const job = { sizes, items, shares, places: { a: at.a, b: at.b, out: at.out, scratch }, scratchEach }
    if (shares === whole) multiplyChunk(simd, job, { chunk: 0, thread: 0 })
    else pool!.run('product', productValues(job), chunksOf(job))
  })
}

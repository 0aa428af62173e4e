import { address, floats, sizeOf, withScratch } from './heap.ts'
import type { Device, KernelFunc } from './kernel.ts'
import { PANEL } from './simd/gemm.ts'

/** Inner size of one block: its share of the left operand's rows stays in the first-level cache. */
const DEPTH = 256
/** Columns packed at once: 64 panels of 256 x 8 numbers, 512 KB. */
const COLUMNS = 512
/** Bytes of the left operand that one sweep over the panels reuses. */
const LEFT_BYTES = 16 * 1024

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
    const sizes = { m, k, n, transposeA, transposeB }
    const rim = n % PANEL === 0 ? 0 : m * PANEL
    const panels = Math.ceil(Math.min(n, COLUMNS) / PANEL) * PANEL * Math.min(k, DEPTH)
    withScratch(backend, panels + rim + LEFT_BYTES / 4, (scratch) => {
      const places = { a: address(backend, a), b: address(backend, b), out: address(backend, out) }
      for (let item = 0; item < sizeOf(batch); item++) {
        multiply(device, sizes, {
          a: places.a + 4 * item * m * k,
          b: places.b + 4 * item * k * n,
          out: places.out + 4 * item * m * n,
          panels: scratch,
          rim: scratch + 4 * panels,
          left: scratch + 4 * (panels + rim),
        })
      }
    })
    return out
  }
}

const ordered = (shape: ReadonlyArray<number>, transpose: boolean): readonly [number, number] => {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transpose ? [columns, rows] : [rows, columns]
}

interface Sizes {
  readonly m: number
  readonly k: number
  readonly n: number
  readonly transposeA: boolean
  readonly transposeB: boolean
}

interface Places {
  readonly a: number
  readonly b: number
  readonly out: number
  /** Packed columns of b. */
  readonly panels: number
  /** Where the last, incomplete panel's columns of the result are made: [m, 8]. */
  readonly rim: number
  /** A block of a transposed left operand, copied together: read in place, its rows a power of two apart throw each other out of the cache. */
  readonly left: number
}

const multiply = ({ simd }: Device, sizes: Sizes, places: Places): void => {
  const { m, k, n, transposeA } = sizes
  for (let n0 = 0; n0 < n; n0 += COLUMNS) {
    const columns = Math.min(COLUMNS, n - n0)
    for (let k0 = 0; k0 < k; k0 += DEPTH) {
      const depth = Math.min(DEPTH, k - k0)
      const panelBytes = 4 * depth * PANEL
      for (let j = 0; j < columns; j += PANEL) {
        pack(simd, sizes, {
          from: places.b,
          to: places.panels + (j / PANEL) * panelBytes,
          row: k0,
          rows: depth,
          column: n0 + j,
          columns: Math.min(PANEL, columns - j),
        })
      }
      const rows = Math.floor(LEFT_BYTES / (16 * depth)) * 4
      for (let m0 = 0; m0 < m; m0 += rows) {
        const count = Math.min(rows, m - m0)
        if (transposeA) simd.copyRows(places.a + 4 * (k0 * m + m0), places.left, depth, 4 * count, 4 * m, 4 * count)
        const left = transposeA ? places.left : places.a + 4 * (m0 * k + k0)
        const [rowStep, columnStep] = transposeA ? [4, 4 * count] : [4 * k, 4]
        for (let j = 0; j < columns; j += PANEL) {
          const whole = columns - j >= PANEL
          const pitch = whole ? 4 * n : 4 * PANEL
          const out = (whole ? places.out + 4 * (n0 + j) : places.rim) + m0 * pitch
          const panel = places.panels + (j / PANEL) * panelBytes
          simd.gemm(left, rowStep, columnStep, panel, out, pitch, count, depth, k0 > 0 ? 1 : 0)
        }
      }
    }
  }
  const rest = n % PANEL
  if (rest > 0) simd.copyRows(places.rim, places.out + 4 * (n - rest), m, 4 * rest, 4 * PANEL, 4 * n)
}

interface Block {
  readonly from: number
  readonly to: number
  readonly row: number
  readonly rows: number
  readonly column: number
  readonly columns: number
}

/** Up to 8 columns of b, dense and 8 wide; what fills a narrower panel is multiplied and thrown away. */
const pack = (simd: Device['simd'], { k, n, transposeB }: Sizes, block: Block): void => {
  const { from, to, row, rows, column, columns } = block
  const pitch = 4 * PANEL
  if (transposeB) simd.transpose(from + 4 * (column * k + row), to, columns, rows, 4 * k, pitch)
  else if (columns === PANEL) simd.packPanel(from + 4 * (row * n + column), to, rows, 4 * n)
  else simd.copyRows(from + 4 * (row * n + column), to, rows, 4 * columns, 4 * n, pitch)
}

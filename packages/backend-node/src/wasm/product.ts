import { PANEL } from './simd/gemm.ts'
import type { Simd } from './simd/instance.ts'

/** Inner size of one block: its share of the left operand's rows stays in the first-level cache. */
const DEPTH = 256
/** Columns packed at once: 64 panels of 256 x 8 numbers, 512 KB. */
const COLUMNS = 512
/** Bytes of the left operand that one sweep over the panels reuses. */
const LEFT_BYTES = 16 * 1024

/** [m, k] times [k, n], each of them transposed in memory where it says so. */
export interface Sizes {
  readonly m: number
  readonly k: number
  readonly n: number
  readonly transposeA: boolean
  readonly transposeB: boolean
}

export interface Places {
  readonly a: number
  readonly b: number
  readonly out: number
  /** Room for `scratchOf`, for each thread. */
  readonly scratch: number
}

/** Part of the result. Every number of it is summed in the same order whatever the part, so parts give the same bits as the whole. */
interface Part {
  readonly row: number
  readonly rows: number
  /** A multiple of 8. */
  readonly column: number
  readonly columns: number
}

const panelNumbers = ({ k }: Sizes, { columns }: Part): number =>
  Math.ceil(Math.min(columns, COLUMNS) / PANEL) * PANEL * Math.min(k, DEPTH)

const rimNumbers = ({ rows, columns }: Part): number => (columns % PANEL === 0 ? 0 : rows * PANEL)

/** Bytes written beside the result: packed columns of b, the rim, a block of the left operand. */
const scratchBytes = (sizes: Sizes, part: Part): number =>
  4 * (panelNumbers(sizes, part) + rimNumbers(part)) + LEFT_BYTES

/** Where one item's product finds and leaves what it needs. */
interface ItemPlaces {
  readonly a: number
  readonly b: number
  readonly out: number
  /** Packed columns of b. */
  readonly panels: number
  /** Where the last, incomplete panel's columns of the result are made: [rows, 8]. */
  readonly rim: number
  /** A block of a transposed left operand, copied together: read in place, its rows a power of two apart throw each other out of the cache. */
  readonly left: number
}

/** A part of one item's product. */
const multiply = (simd: Simd, sizes: Sizes, places: ItemPlaces, part: Part): void => {
  const { m, k, n, transposeA } = sizes
  const { panels, rim } = places
  const [lastRow, lastColumn] = [part.row + part.rows, part.column + part.columns]
  for (let n0 = part.column; n0 < lastColumn; n0 += COLUMNS) {
    const columns = Math.min(COLUMNS, lastColumn - n0)
    for (let k0 = 0; k0 < k; k0 += DEPTH) {
      const depth = Math.min(DEPTH, k - k0)
      const panelBytes = 4 * depth * PANEL
      for (let j = 0; j < columns; j += PANEL) {
        pack(simd, sizes, {
          from: places.b,
          to: panels + (j / PANEL) * panelBytes,
          row: k0,
          rows: depth,
          column: n0 + j,
          columns: Math.min(PANEL, columns - j),
        })
      }
      const rows = Math.floor(LEFT_BYTES / (16 * depth)) * 4
      for (let m0 = part.row; m0 < lastRow; m0 += rows) {
        const count = Math.min(rows, lastRow - m0)
        if (transposeA) simd.copyRows(places.a + 4 * (k0 * m + m0), places.left, depth, 4 * count, 4 * m, 4 * count)
        const left = transposeA ? places.left : places.a + 4 * (m0 * k + k0)
        const [rowStep, columnStep] = transposeA ? [4, 4 * count] : [4 * k, 4]
        for (let j = 0; j < columns; j += PANEL) {
          const whole = columns - j >= PANEL
          const pitch = whole ? 4 * n : 4 * PANEL
          const out = whole ? places.out + 4 * (n0 + j) + m0 * pitch : rim + (m0 - part.row) * pitch
          const panel = panels + (j / PANEL) * panelBytes
          simd.gemm(left, rowStep, columnStep, panel, out, pitch, count, depth, k0 > 0 ? 1 : 0)
        }
      }
    }
  }
  const rest = part.columns % PANEL
  if (rest === 0) return
  simd.copyRows(rim, places.out + 4 * (part.row * n + lastColumn - rest), part.rows, 4 * rest, 4 * PANEL, 4 * n)
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
const pack = (simd: Simd, { k, n, transposeB }: Sizes, block: Block): void => {
  const { from, to, row, rows, column, columns } = block
  const pitch = 4 * PANEL
  if (transposeB) simd.transpose(from + 4 * (column * k + row), to, columns, rows, 4 * k, pitch)
  else if (columns === PANEL) simd.packPanel(from + 4 * (row * n + column), to, rows, 4 * n)
  else simd.copyRows(from + 4 * (row * n + column), to, rows, 4 * columns, 4 * n, pitch)
}

/** Items, rows and columns of one chunk of a batch of products. */
export interface Shares {
  readonly items: number
  readonly rows: number
  /** A multiple of 8, or all. */
  readonly columns: number
}

/** A batch of products of equal sizes, dense one behind the other. */
export interface ProductJob {
  readonly sizes: Sizes
  readonly items: number
  readonly shares: Shares
  readonly places: Places
  /** Bytes of the scratch that each thread has to itself. */
  readonly scratchEach: number
}

type Divided = Pick<ProductJob, 'sizes' | 'items' | 'shares'>

export const chunksOf = ({ sizes: { m, n }, items, shares }: Divided): number =>
  Math.ceil(items / shares.items) * Math.ceil(m / shares.rows) * Math.ceil(n / shares.columns)

/** Bytes of scratch that the chunk which needs most of it writes. */
export const scratchOf = ({ sizes, shares: { rows, columns } }: Divided): number => {
  const part = { row: 0, rows, column: 0, columns }
  const rest = sizes.n % columns
  const most = scratchBytes(sizes, part)
  return rest === 0 ? most : Math.max(most, scratchBytes(sizes, { ...part, columns: rest }))
}

/** One chunk, by the thread of that number. */
export const multiplyChunk = (
  simd: Simd,
  job: ProductJob,
  at: { readonly chunk: number; readonly thread: number },
): void => {
  const { sizes, items, shares, places, scratchEach } = job
  const { m, k, n } = sizes
  const [across, down] = [Math.ceil(n / shares.columns), Math.ceil(m / shares.rows)]
  const column = (at.chunk % across) * shares.columns
  const row = (Math.floor(at.chunk / across) % down) * shares.rows
  const first = Math.floor(at.chunk / (across * down)) * shares.items
  const part = { row, rows: Math.min(shares.rows, m - row), column, columns: Math.min(shares.columns, n - column) }
  const panels = places.scratch + at.thread * scratchEach
  const rim = panels + 4 * panelNumbers(sizes, part)
  const left = rim + 4 * rimNumbers(part)
  const last = Math.min(items, first + shares.items)
  for (let item = first; item < last; item++) {
    const a = places.a + 4 * item * m * k
    const b = places.b + 4 * item * k * n
    const out = places.out + 4 * item * m * n
    multiply(simd, sizes, { a, b, out, panels, rim, left }, part)
  }
}

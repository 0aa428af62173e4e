import type { VisionConfig } from './config.ts'
import { type RopeTables, visionRope } from './rope.ts'
import type { ProcessedImage } from './types.ts'

/** Runs of rows that attend among themselves, gathered by equal length so that each group is one batched product and needs no mask. */
export interface Segments {
  readonly groups: ReadonlyArray<{ readonly length: number; readonly rows: Int32Array }>
  /** Place of each row in the groups laid end to end. */
  readonly restore: Int32Array
}

/** Pictures of any sizes, ready for the vision tower: rows in window order, and what is needed to read its output in raster order. */
export interface PictureBatch {
  /** [patches, 3 * temporalPatchSize * patchSize^2], window order. */
  readonly pixels: Float32Array
  readonly patches: number
  readonly rope: RopeTables
  readonly windows: Segments
  readonly wholes: Segments
  /** For each merged token in raster order its row in the tower's output. */
  readonly order: Int32Array
  /** Merged tokens of each picture. */
  readonly counts: ReadonlyArray<number>
}

/** transformers@v5.17 modeling_qwen2_5_vl.py, get_window_index and rot_pos_emb, for several pictures at once. */
export const pictureBatch = (config: VisionConfig, images: ReadonlyArray<ProcessedImage>): PictureBatch => {
  const unit = config.mergeSize ** 2
  const patches = images.reduce((sum, { grid: [t, h, w] }) => sum + t * h * w, 0)
  const width = config.channels * config.temporalPatchSize * config.patchSize ** 2
  const pixels = new Float32Array(patches * width)
  const rowsOf = new Int32Array(patches)
  const columnsOf = new Int32Array(patches)
  const order = new Int32Array(patches / unit)
  const windowLengths: number[] = []
  const wholeLengths: number[] = []
  let done = 0 // patches written so far
  for (const { grid, pixels: source } of images) {
    const [time, height, columns] = grid
    const first = done / unit
    for (const window of windowsOf(config, grid)) {
      windowLengths.push(window.length * unit)
      for (const token of window) {
        order[first + token] = done / unit
        pixels.set(source.subarray(token * unit * width, (token + 1) * unit * width), done * width)
        const perRow = columns / config.mergeSize
        const mergedRow = Math.floor(token / perRow) % (height / config.mergeSize)
        for (let i = 0; i < unit; i++) {
          rowsOf[done + i] = mergedRow * config.mergeSize + Math.floor(i / config.mergeSize)
          columnsOf[done + i] = (token % perRow) * config.mergeSize + (i % config.mergeSize)
        }
        done += unit
      }
    }
    for (let t = 0; t < time; t++) wholeLengths.push(height * columns)
  }
  return {
    pixels,
    patches,
    rope: visionRope(config.headDim, rowsOf, columnsOf),
    windows: segments(windowLengths),
    wholes: segments(wholeLengths),
    order,
    counts: images.map(({ grid: [t, h, w] }) => (t * h * w) / unit),
  }
}

/** Merged tokens (raster numbers within one picture) of each attention window, frame by frame, row by row. */
const windowsOf = (
  config: VisionConfig,
  [time, h, w]: ProcessedImage['grid'],
): ReadonlyArray<ReadonlyArray<number>> => {
  const edge = config.windowSize / config.mergeSize / config.patchSize
  const [rows, columns] = [h / config.mergeSize, w / config.mergeSize]
  const windows: number[][] = []
  for (let t = 0; t < time; t++)
    for (let top = 0; top < rows; top += edge)
      for (let left = 0; left < columns; left += edge) {
        const window: number[] = []
        for (let r = top; r < Math.min(top + edge, rows); r++)
          for (let c = left; c < Math.min(left + edge, columns); c++) window.push((t * rows + r) * columns + c)
        windows.push(window)
      }
  return windows
}

const segments = (lengths: ReadonlyArray<number>): Segments => {
  const byLength = new Map<number, number[]>()
  let start = 0
  for (const length of lengths) {
    const rows = byLength.get(length) ?? []
    byLength.set(length, rows)
    for (let i = 0; i < length; i++) rows.push(start + i)
    start += length
  }
  const groups = [...byLength].map(([length, rows]) => ({ length, rows: Int32Array.from(rows) }))
  const restore = new Int32Array(start)
  let place = 0
  for (const { rows } of groups) for (const row of rows) restore[row] = place++
  return { groups, restore }
}

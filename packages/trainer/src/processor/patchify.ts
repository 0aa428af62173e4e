import type { ProcessedImage } from '../policy/types.ts'
import type { Picture } from './pillowResize.ts'

export interface PatchOptions {
  readonly patchSize: number
  readonly temporalPatchSize: number
  readonly mergeSize: number
  /** What an 8-bit value is multiplied by, 1/255. */
  readonly rescaleFactor: number
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

/** The 256 values a channel can take: value * factor in float64, rounded to float32, then (x - mean) / std in float32. */
const levels = (factor: number, mean: number, std: number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, value) =>
    Math.fround(Math.fround(Math.fround(value * factor) - Math.fround(mean)) / Math.fround(std)),
  )

/**
 * Pixel rows of the vision tower: each row one patch [channel, time, y, x], patches grouped by merged token, the frame
 * repeated to fill the temporal patch.
 *
 * @param picture - edges multiples of patchSize * mergeSize
 * transformers@v5.17 image_processing_qwen2_vl.py, _preprocess
 */
export const patchify = (picture: Picture, options: PatchOptions): ProcessedImage => {
  const { patchSize, temporalPatchSize, mergeSize, rescaleFactor, mean, std } = options
  const [rows, columns] = [picture.height / patchSize, picture.width / patchSize]
  const tables = [0, 1, 2].map((c) => levels(rescaleFactor, mean[c]!, std[c]!))
  const pixels = new Float32Array(rows * columns * 3 * temporalPatchSize * patchSize ** 2)
  let out = 0
  const writePatch = (row: number, column: number): void => {
    for (let channel = 0; channel < 3; channel++) {
      const table = tables[channel]!
      for (let time = 0; time < temporalPatchSize; time++)
        for (let y = 0; y < patchSize; y++) {
          let at = ((row * patchSize + y) * picture.width + column * patchSize) * 3 + channel
          for (let x = 0; x < patchSize; x++, at += 3) pixels[out++] = table[picture.data[at]!]!
        }
    }
  }
  for (let top = 0; top < rows; top += mergeSize)
    for (let left = 0; left < columns; left += mergeSize)
      for (let dy = 0; dy < mergeSize; dy++) for (let dx = 0; dx < mergeSize; dx++) writePatch(top + dy, left + dx)
  return { pixels, grid: [1, rows, columns] }
}

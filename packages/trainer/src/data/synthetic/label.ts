import { cell, pictureSize, type Canvas } from './canvas.ts'
import { drawNumber, labelSize } from './digits.ts'
import type { Draws } from './draws.ts'

/** A number in the middle of one grid cell, a pixel off at most, whole inside the picture. */
export const drawLabel = (
  draws: Draws,
  canvas: Canvas,
  label: { column: number; row: number; value: number },
): void => {
  const { width, height } = labelSize(String(label.value).length)
  const place = (index: number, extent: number): number => {
    const centred = cell * index + Math.floor((cell - extent) / 2) + draws.integer(-1, 1)
    return Math.min(pictureSize - extent, Math.max(0, centred))
  }
  drawNumber(canvas, { x: place(label.column, width), y: place(label.row, height) }, label.value)
}

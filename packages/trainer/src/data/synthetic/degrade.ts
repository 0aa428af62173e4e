import { drawLine, grey, type Canvas } from './canvas.ts'
import type { Draws } from './draws.ts'

/** Grey line pieces of 5 to 13 pixels anywhere on the canvas; drawn before the figure, so it covers them. */
export const drawClutter = (draws: Draws, canvas: Canvas, count: number): void => {
  for (let i = 0; i < count; i++) {
    const from = { x: draws.uniform() * canvas.size, y: draws.uniform() * canvas.size }
    const turn = draws.uniform() * 2 * Math.PI
    const length = 5 + 8 * draws.uniform()
    const to = { x: from.x + length * Math.cos(turn), y: from.y + length * Math.sin(turn) }
    drawLine(canvas, { from, to, width: 1.2 }, grey(0.55 + 0.3 * draws.uniform()))
  }
}

/** The canvas as bytes, with Gaussian noise that is the same on the three channels; levels outside 0…1 are cut. */
export const noisyPixels = (draws: Draws, canvas: Canvas, sigma: number): Uint8Array => {
  const { size, levels } = canvas
  const noise = draws.normals(size * size)
  const pixels = new Uint8Array(levels.length)
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i]! + sigma * noise[Math.floor(i / 3)]!
    pixels[i] = Math.round(255 * Math.min(1, Math.max(0, level)))
  }
  return pixels
}

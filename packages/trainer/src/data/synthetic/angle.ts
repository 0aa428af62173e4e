import { black, drawOutline, type Point } from './canvas.ts'
import { drawLabel } from './label.ts'
import type { DrawFamily } from './types.ts'

/** Corners and the cells [column, row] of their labels: apex, left, right. */
const corners = [
  { at: [21, 15], label: [1, 0] },
  { at: [7, 42], label: [0, 3] },
  { at: [49, 42], label: [3, 3] },
] as const

/** A triangle with two of its angles, multiples of 5 degrees from 20 to 85 (not to scale); the question is the third. */
export const drawAngle: DrawFamily = (draws, canvas) => {
  const points: ReadonlyArray<Point> = corners.map(({ at: [x, y] }) => ({
    x: x + draws.integer(-3, 3),
    y: y + draws.integer(-1, 1),
  }))
  drawOutline(canvas, points, black)
  const unlabelled = draws.integer(0, 2)
  const first = 5 * draws.integer(4, 17)
  // The third angle is at least 20 degrees.
  const second = 5 * draws.integer(4, Math.min(17, (160 - first) / 5))
  const values = [first, second]
  corners
    .filter((_, i) => i !== unlabelled)
    .forEach(({ label: [column, row] }, i) => drawLabel(draws, canvas, { column, row, value: values[i]! }))
  const sum = first + second
  return {
    question: 'third angle?',
    thought: `${first}+${second}=${sum},180-${sum}=${180 - sum}`,
    answer: 180 - sum,
    steps: 2,
  }
}

import { totalOf, workedSum, type Term } from './arithmetic.ts'
import { black, drawOutline, type Point } from './canvas.ts'
import { drawLabel } from './label.ts'
import type { DrawFamily } from './types.ts'

/** Corners of the two figures and the cells [column, row] of their side labels, both clockwise from the left-hand side. */
const triangle = {
  corners: [
    [28, 13],
    [43, 41],
    [13, 41],
  ],
  labels: [
    [0, 1],
    [3, 1],
    [1, 3],
  ],
} as const
const quadrilateral = {
  corners: [
    [16, 16],
    [40, 16],
    [40, 40],
    [16, 40],
  ],
  labels: [
    [0, 2],
    [1, 0],
    [3, 1],
    [2, 3],
  ],
} as const

/** A triangle or quadrilateral with a length of 1 to 9 at each side (not to scale); the question is the perimeter. */
export const drawSides: DrawFamily = (draws, canvas) => {
  const figure = draws.pick([triangle, quadrilateral])
  const corners: ReadonlyArray<Point> = figure.corners.map(([x, y]) => ({
    x: x + draws.integer(-2, 2),
    y: y + draws.integer(-2, 2),
  }))
  drawOutline(canvas, corners, black)
  const terms = figure.labels.map(([column, row]): Term => {
    const value = draws.integer(1, 9)
    drawLabel(draws, canvas, { column, row, value })
    return { sign: '+', value }
  })
  return {
    question: 'perimeter?',
    thought: workedSum(terms, () => ''),
    answer: totalOf(terms),
    steps: terms.length - 1,
  }
}

import { signedTerms, totalOf, workedSum } from './arithmetic.ts'
import { cell, fillShape, shapes } from './canvas.ts'
import { colourNames, palette } from './palette.ts'
import type { DrawFamily } from './types.ts'

/** Four to twelve shapes in the cells of a 4 x 4 grid, in three colours; the question counts one colour or adds and subtracts up to three. */
export const drawCount: DrawFamily = (draws, canvas) => {
  const colours = draws.shuffled(colourNames).slice(0, 3)
  const cells = draws.shuffled(Array.from({ length: 16 }, (_, i) => i)).slice(0, draws.integer(4, 12))
  const tally = new Map(colours.map((colour) => [colour, 0]))
  for (const place of cells) {
    const colour = draws.pick(colours)
    tally.set(colour, tally.get(colour)! + 1)
    const centre = {
      x: cell * (place % 4) + cell / 2 + draws.integer(-1, 1),
      y: cell * Math.floor(place / 4) + cell / 2 + draws.integer(-1, 1),
    }
    fillShape(canvas, { name: draws.pick(shapes), centre, radius: draws.integer(4, 5) }, palette[colour])
  }
  const asked = draws.shuffled(colours).slice(0, draws.integer(1, 3))
  const terms = signedTerms(
    draws,
    asked.map((colour) => tally.get(colour)!),
  )
  const words = asked.map((colour, i) => (i === 0 ? colour : `${terms[i]!.sign} ${colour}`))
  return {
    question: `count: ${words.join(' ')}?`,
    thought: workedSum(terms, (i) => asked[i]!),
    answer: totalOf(terms),
    steps: terms.length - 1,
  }
}

import { signedTerms, totalOf, workedSum } from './arithmetic.ts'
import { cell, fillBox, pictureSize } from './canvas.ts'
import { colourNames, palette } from './palette.ts'
import type { DrawFamily } from './types.ts'

/** Height of one unit in pixels: one patch, so that a bar of height h covers h patches. */
const unit = 7

/** Three or four bars of distinct colours, 1 to 8 units high; the question adds and subtracts two to four of their heights. */
export const drawBars: DrawFamily = (draws, canvas) => {
  const count = draws.integer(3, 4)
  const columns = draws.shuffled([0, 1, 2, 3]).slice(0, count)
  const bars = draws
    .shuffled(colourNames)
    .slice(0, count)
    .map((colour) => ({ colour, height: draws.integer(1, 8) }))
  bars.forEach(({ colour, height }, i) => {
    const x = cell * columns[i]! + 2 + draws.integer(-1, 1)
    fillBox(canvas, { x, y: pictureSize - unit * height, width: 10, height: unit * height }, palette[colour])
  })
  const asked = draws.shuffled(bars).slice(0, Math.min(count, draws.integer(2, 4)))
  const terms = signedTerms(
    draws,
    asked.map(({ height }) => height),
  )
  const words = asked.map(({ colour }, i) => (i === 0 ? colour : `${terms[i]!.sign} ${colour}`))
  return {
    question: `bars: ${words.join(' ')}?`,
    thought: workedSum(terms, (i) => asked[i]!.colour),
    answer: totalOf(terms),
    steps: terms.length - 1,
  }
}

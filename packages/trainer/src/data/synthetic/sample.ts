import { drawAngle } from './angle.ts'
import { drawBars } from './bars.ts'
import { blankCanvas, pictureSize } from './canvas.ts'
import { drawCount } from './count.ts'
import { drawClutter, noisyPixels } from './degrade.ts'
import { drawsAt, type Draws } from './draws.ts'
import { drawSides } from './sides.ts'
import {
  families,
  type DrawFamily,
  type Family,
  type SampleAddress,
  type SyntheticOptions,
  type SyntheticSample,
} from './types.ts'

const drawFamily: Readonly<Record<Family, DrawFamily>> = {
  bars: drawBars,
  count: drawCount,
  sides: drawSides,
  angle: drawAngle,
}

const weightedFamily = (draws: Draws, weights: SyntheticOptions['families']): Family => {
  const weight = (family: Family): number => weights[family] ?? 0
  const total = families.reduce((sum, family) => sum + weight(family), 0)
  if (!(total > 0)) throw new RangeError('families: at least one weight must be above 0')
  let rest = draws.uniform() * total
  for (const family of families) {
    rest -= weight(family)
    if (rest < 0) return family
  }
  // Only rounding of `rest` comes here.
  return families.findLast((family) => weight(family) > 0)!
}

/**
 * One question about one small picture, a function of its address and options alone.
 *
 * Order of painting: white, clutter, figure, noise.
 * @throws RangeError when no family has a weight above 0
 */
export const syntheticSample = (address: SampleAddress, options: SyntheticOptions): SyntheticSample => {
  const draws = drawsAt(address)
  const family = weightedFamily(draws, options.families)
  const clutter = draws.integer(0, options.clutter)
  const noise = draws.uniform() * options.noise
  const canvas = blankCanvas()
  drawClutter(draws, canvas, clutter)
  const { question, thought, answer, steps } = drawFamily[family](draws, canvas)
  const boxed = `\\boxed{${answer}}`
  return {
    pixels: noisyPixels(draws, canvas, noise),
    size: pictureSize,
    problem: `<image>${question}`,
    answer: String(answer),
    solution: `<think>${thought}</think>${boxed}`,
    direct: `<think></think>${boxed}`,
    family,
    steps,
    noise,
    clutter,
  }
}

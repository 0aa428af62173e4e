import { describe, expect, it } from 'vitest'
import { referenceOps as ops } from '../ops/reference.ts'
import { policyLoss } from './policyLoss.ts'
import { lossTypes, recipe, type LossType, type RecipeOptions } from './recipes.ts'
import { batchOf, lengthsOf } from './testBatch.ts'
import { batchTotals } from './tokenBatch.ts'

/** The loss of one token with the given ratio and advantage: minus its objective, whatever the aggregate's weights. */
const lossOf = (lossType: LossType, options: RecipeOptions, ratio: number, advantage: number) => {
  const rollouts = [{ logprob: [Math.log(ratio)], oldLogprob: [0], refLogprob: [0], advantage }]
  return policyLoss(recipe(lossType, options))(ops, batchTotals(lengthsOf(rollouts)))(batchOf(rollouts, 1)).value
    .data[0]
}

const options = { epsilon: 0.2, maxCompletionLength: 1 }

describe.each(lossTypes)('recipe %s', (lossType) => {
  it('clips at epsilon on both sides, and above at epsilonHigh where it is given', () => {
    expect(lossOf(lossType, options, 2, 1)).toBeCloseTo(-1.2, 14)
    expect(lossOf(lossType, options, 0.5, -1)).toBeCloseTo(0.8, 14)
    expect(lossOf(lossType, { ...options, epsilonHigh: 0.28 }, 2, 1)).toBeCloseTo(-1.28, 14)
    expect(lossOf(lossType, { ...options, epsilonHigh: 0.28 }, 0.5, -1)).toBeCloseTo(0.8, 14)
  })

  it('clips a second time only when asked', () => {
    expect(lossOf(lossType, options, 9, -1)).toBeCloseTo(9, 13)
    expect(lossOf(lossType, { ...options, dualClip: 3 }, 9, -1)).toBeCloseTo(3, 14)
  })
})

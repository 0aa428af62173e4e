import { describe, expect, it } from 'vitest'
import { referenceOps as ops } from '../ops/reference.ts'
import { policyLoss } from './policyLoss.ts'
import { lossTypes, recipe, recipeSpec, type LossType, type RecipeOptions } from './recipes.ts'
import { batchOf, lengthsOf } from './testBatch.ts'
import { batchTotals } from './tokenBatch.ts'

/** The loss of one token with the given ratio and advantage: minus its objective, whatever the aggregate's weights. */
const lossOf = (lossType: LossType, options: RecipeOptions, ratio: number, advantage: number) => {
  const rollouts = [{ logprob: [Math.log(ratio)], oldLogprob: [0], refLogprob: [0], advantage }]
  return policyLoss(recipe(lossType, options))(ops, batchTotals(lengthsOf(rollouts)))(batchOf(rollouts, 1)).value
    .data[0]
}

const options = { epsilon: 0.2, maxCompletionLength: 1 }
const soft: ReadonlySet<LossType> = new Set(['cispo', 'sapo', 'policy_gradient'])

describe.each(lossTypes.filter((name) => !soft.has(name)))('recipe %s', (lossType) => {
  it('clips at epsilon on both sides, and above at epsilonHigh where it is given', () => {
    expect(lossOf(lossType, options, 2, 1)).toBeCloseTo(-1.2, 14)
    expect(lossOf(lossType, options, 0.5, -1)).toBeCloseTo(0.8, 14)
    expect(lossOf(lossType, { ...options, epsilonHigh: 0.28 }, 2, 1)).toBeCloseTo(-1.28, 14)
    expect(lossOf(lossType, { ...options, epsilonHigh: 0.28 }, 0.5, -1)).toBeCloseTo(0.8, 14)
  })

  it('clips a second time only when asked', () => {
    expect(lossOf(lossType, options, 9, -1)).toBeCloseTo(9, 13)
    expect(lossOf(lossType, { ...options, dualClip: 3 }, 9, -1)).toBeCloseTo(3, 14)
    expect(lossOf(lossType, { ...options, delta: 4 }, 9, -1)).toBeCloseTo(4, 14)
  })
})

describe('recipe cispo', () => {
  it('bounds the weight of the log-prob at epsilonHigh itself, not at 1 + epsilonHigh, and has no floor', () => {
    expect(lossOf('cispo', { ...options, epsilonHigh: 5 }, 9, 1)).toBeCloseTo(-5 * Math.log(9), 13)
    expect(lossOf('cispo', { ...options, epsilonHigh: 5 }, 0.01, 1)).toBeCloseTo(-0.01 * Math.log(0.01), 14)
  })

  it('asks for epsilonHigh: epsilon would bound every weight at 0.2', () => {
    expect(() => recipe('cispo', options)).toThrow(/needs epsilon_high/)
  })
})

describe('recipe sapo', () => {
  it('is the gate of its temperatures: 4/tau sigmoid(tau (rho - 1)) A', () => {
    const gate = (tau: number, ratio: number) => 4 / tau / (1 + Math.exp(-tau * (ratio - 1)))
    expect(lossOf('sapo', options, 2, 1)).toBeCloseTo(-gate(1, 2), 14)
    expect(lossOf('sapo', options, 2, -1)).toBeCloseTo(gate(1.05, 2), 14)
    const temperatures = { positive: 2, negative: 3 }
    expect(lossOf('sapo', { ...options, temperatures }, 0.5, 1)).toBeCloseTo(-gate(2, 0.5), 14)
    expect(lossOf('sapo', { ...options, temperatures }, 0.5, -1)).toBeCloseTo(gate(3, 0.5), 14)
  })
})

describe('recipeSpec', () => {
  it('is plain data: what was not asked for is not there', () => {
    const level = 'token'
    const clip = { type: 'clipped', low: 0.2, high: 0.2, level }
    expect(recipeSpec('grpo', options).surrogate).toStrictEqual(clip)
    expect(recipeSpec('grpo', { ...options, dualClip: 3, delta: 4 }).surrogate).toEqual({ ...clip, dual: 3, delta: 4 })
  })

  it('says over what the ratio is taken and how tokens are weighed', () => {
    const full = { ...options, epsilonHigh: 0.28 }
    const choices = Object.fromEntries(
      lossTypes.map((name) => {
        const { surrogate, aggregate } = recipeSpec(name, full)
        return [name, [surrogate.type, 'level' in surrogate ? surrogate.level : undefined, aggregate]]
      }),
    )
    expect(choices).toEqual({
      grpo: ['clipped', 'token', 'sequence-mean'],
      dapo: ['clipped', 'token', 'token-mean'],
      bnpo: ['clipped', 'token', 'token-mean'],
      dr_grpo: ['clipped', 'token', 'fixed-length'],
      cispo: ['cispo', undefined, 'token-mean'],
      gspo: ['clipped', 'sequence', 'sequence-mean'],
      gspo_token: ['clipped', 'sequence-token', 'sequence-mean'],
      sapo: ['sapo', undefined, 'sequence-mean'],
      luspo: ['clipped', 'sequence', 'sequence-sum'],
      policy_gradient: ['policy-gradient', undefined, 'token-mean'],
    })
  })
})

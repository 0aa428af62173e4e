import { describe, expect, it } from 'vitest'
import { centralDifferences, createFreezer, freezableOps } from '../laws/centralDifferences.ts'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import { fixedLength, sequenceMean, sequenceSum, tokenMean } from './aggregate.ts'
import { importanceWeights } from './importance.ts'
import { policyLoss } from './policyLoss.ts'
import { policyGradient } from './surrogate.ts'
import { batchTotals, countedTotals, type TokenBatch } from './tokenBatch.ts'
import { entropyThreshold, onPolicyOnly, type TokenWeight, undecidedOnly } from './tokenWeight.ts'

const rows = (...data: ReadonlyArray<ReadonlyArray<number>>): RefTensor =>
  ops.fromHost({ shape: [data.length, data[0]!.length], data: data.flat() })
const numbers = (x: RefTensor) => Array.from(x.data)

const batch: TokenBatch<RefTensor> = {
  logprob: rows([-2, -3, 9], [-2, -3, -4], [-2, -3, 9]),
  oldLogprob: rows([-1, -2, 0], [-1, -2, -3], [-2, -3, 0]),
  advantage: rows([-1], [1], [-1]),
  mask: rows([1, 1, 0], [1, 1, 1], [1, 1, 0]),
  entropy: rows([0.5, 1, 9], [0.25, 2, 1], [0, 0, 0]),
}

describe('onPolicyOnly', () => {
  it('leaves out punished rollouts whose tokens have become less likely by more than the threshold a token', () => {
    expect(numbers(onPolicyOnly({ threshold: 0.9 })(ops, batch))).toEqual([0, 1, 1])
    expect(numbers(onPolicyOnly({ threshold: 1 })(ops, batch))).toEqual([1, 1, 1])
  })

  it("measures from the sampler's log-probs where the batch has them", () => {
    const given = { ...batch, rolloutLogprob: rows([-2, -3, 0], [-1, -2, -3], [0, 0, 0]) }
    expect(numbers(onPolicyOnly({ threshold: 0.9 })(ops, given))).toEqual([1, 1, 0])
  })
})

describe('undecidedOnly', () => {
  it('keeps the tokens at or above the threshold', () => {
    expect(numbers(undecidedOnly({ threshold: 1 })(ops, batch))).toEqual([0, 1, 1, 0, 1, 1, 0, 0, 0])
  })

  it('with entropyThreshold keeps a share of the tokens', () => {
    expect(entropyThreshold([1, 2, 3, 4, 5], 0.25)).toBe(4)
    expect(entropyThreshold([1, 2, 3], 1)).toBe(1)
  })

  it('asks for the entropies', () => {
    const { entropy: _, ...without } = batch
    expect(() => undecidedOnly({ threshold: 1 })(ops, without)).toThrow(/has no entropy/)
  })
})

describe('importanceWeights', () => {
  const given = {
    ...batch,
    rolloutLogprob: rows([-1 - Math.LN2, -2, 7], [-1 + Math.LN2, -2 + Math.LN2, -3], [-2, -3, 7]),
  }
  const two = expect.closeTo(2, 14)
  const half = expect.closeTo(0.5, 14)

  it('is the old policy over the sampler, per token or multiplied over the rollout, padding left out', () => {
    expect(numbers(importanceWeights({ level: 'token', mode: 'truncate', max: 9 })(ops, given))).toEqual([
      two,
      1,
      1,
      half,
      half,
      1,
      1,
      1,
      1,
    ])
    expect(numbers(importanceWeights({ level: 'sequence', mode: 'truncate', max: 9 })(ops, given))).toEqual([
      two,
      expect.closeTo(0.25, 14),
      1,
    ])
  })

  it('truncates to the bounds, or masks what is beyond them', () => {
    const bounds = { max: 1.5, min: 0.75 }
    expect(numbers(importanceWeights({ level: 'sequence', mode: 'truncate', ...bounds })(ops, given))).toEqual([
      1.5, 0.75, 1,
    ])
    expect(numbers(importanceWeights({ level: 'sequence', mode: 'mask', ...bounds })(ops, given))).toEqual([0, 0, 1])
    expect(numbers(importanceWeights({ level: 'sequence', mode: 'mask', max: 1.5 })(ops, given))).toEqual([
      0,
      expect.closeTo(0.25, 14),
      1,
    ])
  })

  it('stays finite where the sampler found a token all but impossible', () => {
    const far = { ...batch, rolloutLogprob: rows([-1000, -1000, 0], [-1, -2, -3], [-2, -3, 0]) }
    expect(numbers(importanceWeights({ level: 'sequence', mode: 'mask', max: 3 })(ops, far))).toEqual([0, 1, 1])
  })

  it("asks for the sampler's log-probs", () => {
    expect(() => importanceWeights({ level: 'token', mode: 'mask', max: 3 })(ops, batch)).toThrow(/no rolloutLogprob/)
  })
})

describe('weights in the loss', () => {
  const totals = batchTotals([2, 3, 2])
  const refLogprob = rows([-2, -3, 0], [-2, -3, -4], [-1, -3, 0])
  const weighted = (weights: ReadonlyArray<ReturnType<typeof undecidedOnly>>) =>
    policyLoss({ surrogate: policyGradient, aggregate: tokenMean, kl: { beta: 1, estimator: 'k2' }, weights })(
      ops,
      totals,
    )({ ...batch, refLogprob })

  it('multiply each other and the surrogate, and leave KL and the number of tokens alone', () => {
    const weights = [onPolicyOnly({ threshold: 0.9 }), undecidedOnly({ threshold: 1 })]
    const { value, aux } = weighted(weights)
    expect(aux.surrogate.data[0]).toBeCloseTo((3 + 4) / 7, 14) // rollout 1's tokens of -3 and -4 with A = 1
    expect(value.data[0]).toBeCloseTo((3 + 4) / 7 + 0.5 / 7, 14)
    expect(aux.weight!.data[0]).toBeCloseTo(2 / 7, 14)
    expect(weighted([]).aux.weight).toBeUndefined()
  })

  it('carry no gradient, not even where a number lies exactly at its threshold', () => {
    const freezer = createFreezer()
    const frozen = freezableOps(freezer)
    const weights: ReadonlyArray<TokenWeight> = [
      onPolicyOnly({ threshold: 1 }), // the drift of rollout 0
      undecidedOnly({ threshold: -2 }), // the "entropy" of a token
      importanceWeights({ level: 'token', mode: 'mask', max: 9 }),
    ]
    for (const weight of weights) {
      const total = ({ logprob }: { readonly logprob?: RefTensor }) => {
        const given = { ...batch, logprob: logprob!, entropy: logprob! }
        // The importance weight is over the old policy: let that be trained, to see that it is not.
        const own = weight === weights[2] ? { ...given, oldLogprob: logprob!, rolloutLogprob: batch.oldLogprob } : given
        return numbers(weight(frozen, own)).reduce((a, b) => a + b)
      }
      const { grads } = centralDifferences(freezer, total, { logprob: batch.logprob })
      expect(numbers(grads['logprob']!)).toEqual(numbers(batch.logprob).map(() => 0))
    }
  })
})

describe('aggregates of verl', () => {
  it('sequenceSum weighs tokens alike and divides by rollouts: fixedLength without the length', () => {
    const x = rows([1, 99, 2], [3, 4, 5])
    const mask = rows([1, 0, 1], [1, 1, 1])
    const totals = batchTotals([2, 3])
    expect(numbers(sequenceSum(ops, x, mask, totals))).toEqual([7.5])
    expect(numbers(fixedLength(5)(ops, x, mask, totals))).toEqual([1.5])
    expect(numbers(sequenceMean(ops, x, mask, totals))).toEqual([(1.5 + 4) / 2])
  })
})

describe('countedTotals', () => {
  it('leaves the tokens of truncated rollouts out, and the rollouts as TRL or as verl does', () => {
    expect(countedTotals([2, 3, 4], [true, false, true], { uncounted: 'counted' })).toEqual({ sequences: 3, tokens: 6 })
    expect(countedTotals([2, 3, 4], [true, false, true], { uncounted: 'left-out' })).toEqual({
      sequences: 2,
      tokens: 6,
    })
    expect(() => countedTotals([2], [], { uncounted: 'counted' })).toThrow(/0 verdicts for 1 rollouts/)
  })
})

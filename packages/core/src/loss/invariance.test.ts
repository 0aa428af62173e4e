import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import { policyLoss, type PolicyLossOptions } from './policyLoss.ts'
import { lossTypes, recipe } from './recipes.ts'
import { supervisedLoss } from './supervised.ts'
import { clipped, policyGradient } from './surrogate.ts'
import { batchOf, lengthsOf, type TestRollout } from './testBatch.ts'
import { sequenceSum, tokenMean } from './aggregate.ts'
import { importanceWeights } from './importance.ts'
import { onPolicyOnly, undecidedOnly } from './tokenWeight.ts'
import { batchTotals, type BatchTotals, type TokenBatch } from './tokenBatch.ts'

type Numbers = Readonly<Record<string, number>>

const losses: ReadonlyArray<readonly [string, (totals: BatchTotals) => (batch: TokenBatch<RefTensor>) => Numbers]> = [
  ...lossTypes.map((name): readonly [string, PolicyLossOptions] => [
    name,
    {
      ...recipe(name, { epsilon: 0.2, epsilonHigh: 0.28, maxCompletionLength: 6, dualClip: 3 }),
      kl: { beta: 0.1 },
    },
  ]),
  ['policy gradient', { surrogate: policyGradient, aggregate: tokenMean }] as const,
  [
    'masks, importance weights and a weighted KL',
    {
      surrogate: clipped({ low: 0.2, high: 0.28 }),
      aggregate: sequenceSum,
      kl: { beta: 0.1, estimator: 'k3+', weightedBy: 'sequence' },
      weights: [
        onPolicyOnly({ threshold: 0.1 }),
        undecidedOnly({ threshold: 1 }),
        importanceWeights({ level: 'sequence', mode: 'mask', min: 0.2, max: 3 }),
      ],
    },
  ] as const,
].map(([name, options]) => [
  name,
  (totals: BatchTotals) => (batch: TokenBatch<RefTensor>) => {
    // Any tokens' numbers will do as another program's log-probs and as entropies.
    const more = { rolloutLogprob: batch.refLogprob!, entropy: ops.neg(batch.refLogprob!) }
    const { value, aux } = policyLoss(options)(ops, totals)({ ...batch, ...more })
    return Object.fromEntries(Object.entries({ value, ...aux }).map(([key, x]) => [key, x.data[0]!]))
  },
])
const supervised = (totals: BatchTotals) => (batch: TokenBatch<RefTensor>) => ({
  value: supervisedLoss(ops, totals)(batch).data[0]!,
})
const all = [...losses, ['supervised', supervised] as const]

const logp = fc.double({ min: -4, max: 0, noNaN: true })

const rollout: fc.Arbitrary<TestRollout> = fc
  .record({
    tokens: fc.array(fc.tuple(logp, logp, logp), { minLength: 0, maxLength: 6 }),
    advantage: fc.double({ min: -3, max: 3, noNaN: true }),
  })
  .map(({ tokens, advantage }) => ({
    logprob: tokens.map(([x]) => x),
    oldLogprob: tokens.map(([, x]) => x),
    refLogprob: tokens.map(([, , x]) => x),
    advantage,
  }))

const rollouts = fc.array(rollout, { minLength: 1, maxLength: 6 })

/** Sums of magnitudes up to 1e4 (ratios to e^4, advantages to 3, 36 tokens): 1e-12 of that scale. */
const expectSame = (actual: Numbers, expected: Numbers) => {
  for (const [key, value] of Object.entries(expected)) {
    expect(Math.abs(actual[key]! - value), key).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value)))
  }
}

const added = (parts: ReadonlyArray<Numbers>): Numbers =>
  parts.reduce((total, part) =>
    Object.fromEntries(Object.entries(total).map(([key, value]) => [key, value + part[key]!])),
  )

describe.each(all)('%s', (_, loss) => {
  const whole = (batch: ReadonlyArray<TestRollout>, columns = 6, filling = 0) =>
    loss(batchTotals(lengthsOf(batch)))(batchOf(batch, columns, filling))

  it('property: micro-batches of any size, each padded to its own length, add up to the batch, statistics too', () => {
    fc.assert(
      fc.property(rollouts, fc.array(fc.integer({ min: 1, max: 6 })), (batch, cuts) => {
        const totals = batchTotals(lengthsOf(batch))
        const parts: Array<Numbers> = []
        let start = 0
        for (const size of [...cuts, batch.length]) {
          const micro = batch.slice(start, start + size)
          start += size
          if (micro.length === 0) break
          const columns = Math.max(1, ...lengthsOf(micro))
          parts.push(loss(totals)(batchOf(micro, columns)))
        }
        expectSame(added(parts), whole(batch))
      }),
      { seed: 11, numRuns: 50 },
    )
  })

  it('property: neither the amount of padding nor what lies in it matters', () => {
    fc.assert(
      fc.property(
        rollouts,
        fc.integer({ min: 6, max: 12 }),
        fc.double({ min: -50, max: 50, noNaN: true }),
        (batch, columns, filling) => {
          expectSame(whole(batch, columns, filling), whole(batch))
        },
      ),
      { seed: 12, numRuns: 50 },
    )
  })

  it('property: a row added to fill a micro-batch changes nothing when the totals leave it out', () => {
    fc.assert(
      fc.property(rollouts, (batch) => {
        const empty = { logprob: [], oldLogprob: [], refLogprob: [], advantage: 1 }
        expectSame(loss(batchTotals(lengthsOf(batch)))(batchOf([...batch, empty], 6)), whole(batch))
      }),
      { seed: 13, numRuns: 50 },
    )
  })

  it('property: the order of the rollouts does not matter', () => {
    fc.assert(
      fc.property(
        rollouts.chain((batch) =>
          fc.tuple(fc.constant(batch), fc.shuffledSubarray(batch, { minLength: batch.length })),
        ),
        ([batch, shuffled]) => expectSame(whole(shuffled), whole(batch)),
      ),
      { seed: 14, numRuns: 50 },
    )
  })
})

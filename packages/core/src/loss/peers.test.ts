import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { centralDifferences, createFreezer, freezableOps } from '../laws/centralDifferences.ts'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import { type Aggregate, fixedLength, sequenceMean, sequenceSum, tokenMean } from './aggregate.ts'
import { cispo } from './cispo.ts'
import { importanceWeights } from './importance.ts'
import { easyR1KlClamp, klEstimate, type KlOptions } from './kl.ts'
import { policyLoss, type PolicyLossOptions } from './policyLoss.ts'
import { recipe } from './recipes.ts'
import { sapo } from './sapo.ts'
import { clipped, probabilityRatio } from './surrogate.ts'
import { batchTotals, type TokenBatch } from './tokenBatch.ts'
import { entropyThreshold, onPolicyOnly, undecidedOnly } from './tokenWeight.ts'

type Rows = ReadonlyArray<ReadonlyArray<number>>
interface Gradient {
  readonly loss: number
  readonly grad: Rows
}
interface Golden extends Readonly<Record<'logprob' | 'old' | 'ref' | 'rollout' | 'entropy', Rows>> {
  readonly lengths: ReadonlyArray<number>
  readonly advantages: ReadonlyArray<number>
  readonly trl: Readonly<Record<string, Gradient>>
  readonly verl: Readonly<Record<string, Gradient>>
  readonly kl: Readonly<Record<string, { readonly value: Rows; readonly grad: Rows }>>
  readonly weights: Readonly<Record<'token' | 'sequence' | 'icepop', Rows>>
}

const golden = JSON.parse(readFileSync(new URL('../../goldens/peers_losses.json', import.meta.url), 'utf8')) as Golden
const columns = golden.logprob[0]!.length
const tensor = (rows: Rows): RefTensor => ops.fromHost({ shape: [rows.length, rows[0]!.length], data: rows.flat() })
const maskRows = golden.lengths.map((length) => Array.from({ length: columns }, (_, t) => (t < length ? 1 : 0)))

const batch: TokenBatch<RefTensor> = {
  logprob: tensor(golden.logprob),
  oldLogprob: tensor(golden.old),
  refLogprob: tensor(golden.ref),
  rolloutLogprob: tensor(golden.rollout),
  entropy: tensor(golden.entropy),
  advantage: tensor(golden.advantages.map((advantage) => [advantage])),
  mask: tensor(maskRows),
}
const totals = batchTotals(golden.lengths)

/** Value to 1e-9; gradients to 1e-6 relative by central differences. The batch has no ratio within 1e-3 of a bound. */
const expectLoss = (options: PolicyLossOptions, expected: Gradient, given = batch) => {
  const freezer = createFreezer()
  const loss = policyLoss(options)(freezableOps(freezer), totals)
  const value = (params: { readonly logprob?: RefTensor }) =>
    loss({ ...given, logprob: params.logprob! }).value.data[0]!
  const found = centralDifferences(freezer, value, { logprob: batch.logprob })
  expect(Math.abs(found.value - expected.loss)).toBeLessThan(1e-9)
  if (options.weights !== undefined) expect(loss(given).aux.weight!.data[0]).not.toBeCloseTo(1, 3)
  expected.grad.flat().forEach((gradient, i) => {
    expect(Math.abs(found.grads['logprob']!.data[i]! - gradient), `token ${i}`).toBeLessThan(
      1e-6 * Math.abs(gradient) + 1e-9,
    )
  })
}

const range = { low: 0.2, high: 0.28 }
const sequenceRange = { low: 0.05, high: 0.06, level: 'sequence' } as const
const counted = golden.entropy.flatMap((row, i) => row.slice(0, golden.lengths[i]))

const ofTrl: Readonly<Record<string, PolicyLossOptions>> = {
  ...Object.fromEntries(
    (['grpo', 'bnpo', 'dr_grpo', 'dapo', 'sapo'] as const).map((name) => [
      name,
      recipe(name, { epsilon: 0.2, epsilonHigh: 0.28, maxCompletionLength: 10 }),
    ]),
  ),
  cispo: recipe('cispo', { epsilon: 0.2, epsilonHigh: 1.2, maxCompletionLength: 10 }),
  gspo: recipe('gspo', { epsilon: 0.05, epsilonHigh: 0.06, maxCompletionLength: 10 }),
  luspo: recipe('luspo', { epsilon: 0.05, epsilonHigh: 0.06, maxCompletionLength: 10 }),
  delta: recipe('dapo', { epsilon: 0.2, epsilonHigh: 0.28, maxCompletionLength: 10, delta: 1.4 }),
  kl: { surrogate: clipped(range), aggregate: sequenceMean, kl: { beta: 0.3 } },
  weighted_kl: { surrogate: clipped(range), aggregate: sequenceMean, kl: { beta: 0.3, weightedBy: 'token' } },
  top_entropy: {
    surrogate: clipped(range),
    aggregate: tokenMean,
    weights: [undecidedOnly({ threshold: entropyThreshold(counted, 0.4) })],
  },
  off_policy: { surrogate: clipped(range), aggregate: sequenceMean, weights: [onPolicyOnly({ threshold: -0.02 })] },
  ...Object.fromEntries(
    (['token', 'sequence'] as const).flatMap((level) =>
      (['truncate', 'mask'] as const).map((mode) => [
        `${level}_${mode}`,
        {
          surrogate: clipped(range),
          aggregate: tokenMean,
          weights: [importanceWeights({ level, mode, min: 0.8, max: 1.3 })],
        },
      ]),
    ),
  ),
}

describe('TRL 1.10.0 GRPOTrainer._compute_loss', () => {
  it.each(Object.keys(golden.trl))('golden: %s, loss to 1e-9 and gradient to 1e-6', (name) => {
    // TRL's mask takes the old policy where it has no sampler's log-probs.
    const { rolloutLogprob: _, ...without } = batch
    expectLoss(ofTrl[name]!, golden.trl[name]!, name === 'off_policy' ? without : batch)
  })
})

const verlAggregates: Readonly<Record<string, Aggregate>> = {
  'token-mean': tokenMean,
  'seq-mean-token-sum': sequenceSum,
  'seq-mean-token-mean': sequenceMean,
  'seq-mean-token-sum-norm': fixedLength(columns),
}

const ofVerl: Readonly<Record<string, PolicyLossOptions>> = {
  ...Object.fromEntries(
    Object.entries(verlAggregates).map(([name, aggregate]) => [
      `vanilla ${name}`,
      { surrogate: clipped({ ...range, dual: 3 }), aggregate },
    ]),
  ),
  dual: { surrogate: clipped({ low: 0.05, high: 0.05, dual: 1.1 }), aggregate: tokenMean },
  gspo: { surrogate: clipped({ ...sequenceRange, level: 'sequence-token' }), aggregate: sequenceMean },
  sapo: { surrogate: sapo(), aggregate: sequenceMean },
  cispo: { surrogate: cispo({ min: 0.8, max: 1.28 }), aggregate: tokenMean },
}

describe('verl 0.8.0 core_algos', () => {
  it.each(Object.keys(golden.verl))('golden: %s, loss to 1e-9 and gradient to 1e-6', (name) => {
    expectLoss(ofVerl[name]!, golden.verl[name]!)
  })

  it.each(['k1', 'k2', 'k3', 'abs', 'k1+', 'k3+'] as const)(
    'golden: kl_penalty %s, value and gradient',
    (estimator) => {
      const freezer = createFreezer()
      const options: KlOptions = { estimator, ...(estimator.startsWith('k3') ? { clamp: easyR1KlClamp } : {}) }
      const estimate = (logprob: RefTensor) => klEstimate(freezableOps(freezer), logprob, batch.refLogprob!, options)
      const { value, grad } = golden.kl[estimator]!
      estimate(batch.logprob).data.forEach((found, i) => expect(Math.abs(found - value.flat()[i]!)).toBeLessThan(1e-12))
      const total = ({ logprob }: { readonly logprob?: RefTensor }) => estimate(logprob!).data.reduce((a, b) => a + b)
      const { grads } = centralDifferences(freezer, total, { logprob: batch.logprob })
      grad.flat().forEach((expected, i) => {
        expect(Math.abs(grads['logprob']!.data[i]! - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)))
      })
    },
  )

  it.each([
    ['token', { level: 'token', mode: 'truncate', max: 1.3 }],
    ['sequence', { level: 'sequence', mode: 'truncate', max: 1.3 }],
    ['icepop', { level: 'token', mode: 'mask', min: 0.8, max: 1.3 }],
  ] as const)('golden: rollout correction weights, %s', (name, options) => {
    const weights = importanceWeights(options)(ops, batch)
    golden.weights[name].forEach((row, i) =>
      row.forEach((expected, t) => {
        if (maskRows[i]![t] === 0) return
        expect(weights.data[weights.shape[1] === 1 ? i : i * columns + t]!).toBeCloseTo(expected, 12)
      }),
    )
  })
})

it('golden: no ratio of the batch lies at a bound, so that differences mean something', () => {
  const bounds = [0.8, 1.28, 0.95, 1.05, 1.1, 1.4]
  const ratios = Array.from(probabilityRatio(ops, batch).data).filter((_, i) => maskRows.flat()[i] === 1)
  for (const ratio of ratios) for (const bound of bounds) expect(Math.abs(ratio - bound)).toBeGreaterThan(1e-4)
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { centralDifferences, createFreezer } from '../laws/centralDifferences.ts'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import { sequenceMean, tokenMean } from './aggregate.ts'
import { easyR1KlClamp, klEstimate } from './kl.ts'
import { policyLoss } from './policyLoss.ts'
import { clipped } from './surrogate.ts'
import { batchTotals, type TokenBatch } from './tokenBatch.ts'

type Rows = ReadonlyArray<ReadonlyArray<number>>

interface GoldenLoss {
  readonly average: 'token' | 'seq'
  readonly clip_low: number
  readonly clip_high: number
  readonly clip_dual: number
  readonly loss: number
  readonly grad: Rows
  readonly metrics: Readonly<Record<'ppo_kl' | 'pg_clipfrac_higher', number>>
}

interface Golden extends Readonly<Record<'mask' | 'advantages' | 'old_logp' | 'new_logp' | 'ref_logp', Rows>> {
  readonly losses: ReadonlyArray<GoldenLoss>
  readonly kl: Readonly<Record<'kl' | 'abs' | 'mse' | 'low_var_kl', Rows>>
}

const golden = JSON.parse(readFileSync(new URL('../../goldens/easyr1_losses.json', import.meta.url), 'utf8')) as Golden

const tensor = (rows: Rows): RefTensor => ops.fromHost({ shape: [rows.length, rows[0]!.length], data: rows.flat() })

const batch: TokenBatch<RefTensor> = {
  logprob: tensor(golden.new_logp),
  oldLogprob: tensor(golden.old_logp),
  advantage: tensor(golden.advantages),
  mask: tensor(golden.mask),
}
const totals = batchTotals(golden.mask.map((row) => row.reduce((a, b) => a + b, 0)))

describe.each(golden.losses)('EasyR1 b44b311 compute_policy_loss, loss_type default, $average mean', (expected) => {
  const { clip_low: low, clip_high: high, clip_dual: dual } = expected
  const loss = policyLoss({
    surrogate: clipped({ low, high, dual }),
    aggregate: expected.average === 'token' ? tokenMean : sequenceMean,
  })(ops, totals)

  it('golden: gives its loss', () => {
    // EasyR1 divides by sum(mask) + 1e-8: 1e-10 of the loss over 100 tokens at once, up to 1e-8 of a short rollout's mean.
    const allowed = expected.average === 'token' ? 1e-10 : 1e-9
    expect(Math.abs(loss(batch).value.data[0]! - expected.loss)).toBeLessThan(allowed)
  })

  it('golden: gives its metrics', () => {
    const { aux } = loss(batch)
    expect(Math.abs(aux.oldKl.data[0]! - expected.metrics.ppo_kl)).toBeLessThan(1e-10)
    const clippedFraction = aux.clipLow.data[0]! + aux.clipHigh.data[0]!
    expect(Math.abs(clippedFraction - expected.metrics.pg_clipfrac_higher)).toBeLessThan(1e-10)
  })

  it('golden: gives its gradient to 1e-6, by central differences away from the kinks', () => {
    const value = (params: { readonly logprob?: RefTensor }) =>
      loss({ ...batch, logprob: params.logprob! }).value.data[0]!
    const { grads } = centralDifferences(createFreezer(), value, { logprob: batch.logprob })
    const kinks = [1 - low, 1 + high, dual]
    let compared = 0
    for (const [i, gradient] of expected.grad.flat().entries()) {
      const ratio = Math.exp(batch.logprob.data[i]! - batch.oldLogprob.data[i]!)
      if (kinks.some((kink) => Math.abs(ratio - kink) < 1e-3)) continue
      compared++
      expect(Math.abs(grads['logprob']!.data[i]! - gradient), `token ${i}`).toBeLessThan(
        1e-6 * Math.abs(gradient) + 1e-11,
      )
    }
    expect(compared).toBeGreaterThan(150)
  })
})

describe('EasyR1 b44b311 compute_kl', () => {
  it.each([
    ['k1', 'kl', undefined],
    ['abs', 'abs', undefined],
    ['k2', 'mse', undefined],
    ['k3', 'low_var_kl', easyR1KlClamp],
  ] as const)('golden: %s is its %s', (estimator, name, clamp) => {
    const options = clamp === undefined ? { estimator } : { estimator, clamp }
    const actual = klEstimate(ops, batch.logprob, tensor(golden.ref_logp), options)
    for (const [i, expected] of golden.kl[name].flat().entries()) {
      // EasyR1 casts the log-probs to float32 first: 1e-7 of numbers up to 4, and k3 cancels.
      expect(Math.abs(actual.data[i]! - expected), `token ${i}`).toBeLessThan(1e-6)
    }
  })
})

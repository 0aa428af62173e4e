import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { centralDifferences, createFreezer, freezableOps } from '../laws/centralDifferences.ts'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import { sequenceMean, tokenMean } from './aggregate.ts'
import { cispo } from './cispo.ts'
import { easyR1KlClamp, klEstimate } from './kl.ts'
import { policyLoss } from './policyLoss.ts'
import { sapo } from './sapo.ts'
import { clipped, type Surrogate } from './surrogate.ts'
import { batchTotals, type TokenBatch } from './tokenBatch.ts'

type Rows = ReadonlyArray<ReadonlyArray<number>>

interface GoldenLoss {
  readonly loss_type: 'default' | 'gspo' | 'gspo_token' | 'cispo' | 'sapo'
  readonly average: 'token' | 'seq'
  readonly clip_low: number
  readonly clip_high: number
  readonly clip_dual: number
  readonly tau_positive: number
  readonly tau_negative: number
  readonly loss: number
  readonly grad: Rows
  readonly metrics: Readonly<Partial<Record<'ppo_kl' | 'pg_clipfrac_higher', number>>>
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

const surrogateOfGolden = (one: GoldenLoss): Surrogate => {
  const range = { low: one.clip_low, high: one.clip_high, dual: one.clip_dual }
  switch (one.loss_type) {
    case 'default':
      return clipped(range)
    case 'gspo':
      return clipped({ ...range, level: 'sequence' })
    case 'gspo_token':
      return clipped({ ...range, level: 'sequence-token' })
    case 'cispo':
      return cispo({ min: 1 - one.clip_low, max: 1 + one.clip_high })
    case 'sapo':
      return sapo({ positive: one.tau_positive, negative: one.tau_negative })
  }
}

/** Ratios at which the loss has a corner: no difference of it means anything there. */
const kinksOf = ({ loss_type, clip_low, clip_high, clip_dual }: GoldenLoss): ReadonlyArray<number> =>
  loss_type === 'sapo' || loss_type === 'cispo' ? [] : [1 - clip_low, 1 + clip_high, clip_dual]

describe.each(golden.losses)('EasyR1 b44b311 compute_policy_loss, loss_type $loss_type, $average mean', (expected) => {
  const surrogate = surrogateOfGolden(expected)
  const loss = policyLoss({ surrogate, aggregate: expected.average === 'token' ? tokenMean : sequenceMean })(
    ops,
    totals,
  )

  it('golden: gives its loss', () => {
    // EasyR1 divides by sum(mask) + 1e-8: 1e-10 of the loss over 100 tokens at once, up to 1e-8 of a short rollout's mean.
    const allowed = expected.average === 'token' ? 1e-10 : 1e-9
    expect(Math.abs(loss(batch).value.data[0]! - expected.loss)).toBeLessThan(allowed)
  })

  it('golden: gives its metrics', () => {
    const { aux } = loss(batch)
    expect(Math.abs(aux.oldKl.data[0]! - expected.metrics.ppo_kl!)).toBeLessThan(1e-10)
    const { pg_clipfrac_higher: fraction } = expected.metrics
    if (fraction === undefined) return
    // It counts a rollout's ratio once a token, as we do.
    const clippedFraction = aux.clipLow.data[0]! + aux.clipHigh.data[0]!
    expect(Math.abs(clippedFraction - fraction)).toBeLessThan(1e-9)
  })

  it('golden: gives its gradient to 1e-6, by central differences away from the kinks', () => {
    const freezer = createFreezer()
    const frozen = policyLoss({ surrogate, aggregate: expected.average === 'token' ? tokenMean : sequenceMean })(
      freezableOps(freezer),
      totals,
    )
    const value = (params: { readonly logprob?: RefTensor }) =>
      frozen({ ...batch, logprob: params.logprob! }).value.data[0]!
    const { grads } = centralDifferences(freezer, value, { logprob: batch.logprob })
    const ratios = surrogate(ops, batch).ratio // [B, T] or [B, 1]
    const kinks = kinksOf(expected)
    let compared = 0
    for (const [i, gradient] of expected.grad.flat().entries()) {
      const ratio = ratios.data[ratios.shape[1] === 1 ? Math.floor(i / 7) : i]!
      if (kinks.some((kink) => Math.abs(ratio - kink) < 1e-3)) continue
      compared++
      expect(Math.abs(grads['logprob']!.data[i]! - gradient), `token ${i}`).toBeLessThan(
        1e-6 * Math.abs(gradient) + 1e-10,
      )
    }
    expect(compared).toBeGreaterThan(130)
  })
})

describe('where EasyR1 differs from us on purpose', () => {
  it("golden: its CISPO has a floor at 1 - clip_low, TRL's and ours has none unless asked for", () => {
    const expected = golden.losses.find((one) => one.loss_type === 'cispo' && one.average === 'token')!
    const without = policyLoss({ surrogate: cispo({ max: 1 + expected.clip_high }), aggregate: tokenMean })(ops, totals)
    expect(Math.abs(without(batch).value.data[0]! - expected.loss)).toBeGreaterThan(1e-3)
  })

  it('its sequence mean under dynamic batching depends on the packing: micro-batches are weighted by tokens there, by rollouts here', () => {
    const parts = [
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
    ].map((rows) => {
      const pick = (rowsOf: Rows) => tensor(rows.map((row) => rowsOf[row]!))
      const part: TokenBatch<RefTensor> = {
        logprob: pick(golden.new_logp),
        oldLogprob: pick(golden.old_logp),
        advantage: pick(golden.advantages),
        mask: pick(golden.mask),
      }
      const lengths = rows.map((row) => golden.mask[row]!.reduce((a, b) => a + b, 0))
      return { part, lengths }
    })
    const options = { surrogate: clipped({ low: 0.2, high: 0.28, dual: 3 }), aggregate: sequenceMean }
    const whole = policyLoss(options)(ops, totals)(batch).value.data[0]!
    const ours = parts.map(({ part }) => policyLoss(options)(ops, totals)(part).value.data[0]!)
    expect(ours.reduce((a, b) => a + b)).toBeCloseTo(whole, 14)
    const theirs = parts.map(({ part, lengths }) => {
      const own = batchTotals(lengths)
      return (policyLoss(options)(ops, own)(part).value.data[0]! * own.tokens) / totals.tokens
    })
    expect(Math.abs(theirs.reduce((a, b) => a + b) - whole)).toBeGreaterThan(1e-3)
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

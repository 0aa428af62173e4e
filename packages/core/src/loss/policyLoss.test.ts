import { describe, expect, it } from 'vitest'
import { centralDifferences, createFreezer, freezableOps } from '../laws/centralDifferences.ts'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import { ShapeError } from '../ops/shape.ts'
import { fixedLength, sequenceMean, tokenMean } from './aggregate.ts'
import { cispo } from './cispo.ts'
import { easyR1KlClamp, klEstimate } from './kl.ts'
import { policyLoss } from './policyLoss.ts'
import { recipe } from './recipes.ts'
import { supervisedLoss } from './supervised.ts'
import { sapo } from './sapo.ts'
import { clipped, policyGradient, probabilityRatio, type Surrogate } from './surrogate.ts'
import { batchOf, lengthsOf } from './testBatch.ts'
import { batchTotals } from './tokenBatch.ts'

const row = (...data: ReadonlyArray<number>): RefTensor => ops.fromHost({ shape: [1, data.length], data })
const numbers = (x: RefTensor) => Array.from(x.data)

/** One row of tokens whose ratio pi / pi_old is the given one. */
const ratios = (advantage: number, ...values: ReadonlyArray<number>) => ({
  logprob: row(...values.map(Math.log)),
  oldLogprob: row(...values.map(() => 0)),
  advantage: ops.fromHost({ shape: [1, 1], data: [advantage] }),
  mask: row(...values.map(() => 1)),
})

describe('the clipped surrogate', () => {
  const surrogate = clipped({ low: 0.2, high: 0.28 })

  it('stops rewarding above 1 + high, and punishes all the way up', () => {
    expect(numbers(surrogate(ops, ratios(1, 0.5, 1.1, 2)).objective)).toEqual([0.5, expect.closeTo(1.1, 14), 1.28])
    expect(numbers(surrogate(ops, ratios(-1, 0.5, 0.9, 2)).objective)).toEqual([-0.8, expect.closeTo(-0.9, 14), -2])
  })

  it('counts a token as clipped only where the bound takes its gradient away', () => {
    const up = surrogate(ops, ratios(0.5, 0.5, 1, 2))
    expect(numbers(up.clippedHigh)).toEqual([0, 0, 1])
    expect(numbers(up.clippedLow)).toEqual([0, 0, 0])
    const down = surrogate(ops, ratios(-0.5, 0.5, 1, 2))
    expect(numbers(down.clippedHigh)).toEqual([0, 0, 0])
    expect(numbers(down.clippedLow)).toEqual([1, 0, 0])
    const none = surrogate(ops, ratios(0, 0.5, 1, 2))
    expect([...numbers(none.clippedHigh), ...numbers(none.clippedLow)]).toEqual([0, 0, 0, 0, 0, 0])
  })

  it('dual clip bounds the punishment at c times the advantage and leaves the reward alone', () => {
    const dual = clipped({ low: 0.2, high: 0.28, dual: 1.5 })
    expect(numbers(dual(ops, ratios(-2, 0.5, 1.2, 9)).objective)).toEqual([-1.6, expect.closeTo(-2.4, 14), -3])
    expect(numbers(dual(ops, ratios(2, 0.5, 9)).objective)).toEqual([1, 2.56])
  })

  it('cuts the log-ratio at 20, so that a collapsed token stays finite', () => {
    const { oldLogprob, ...rest } = ratios(1, 1, 1)
    const batch = { ...rest, oldLogprob: ops.add(oldLogprob, row(-1000, 1000)) }
    expect(numbers(probabilityRatio(ops, batch))).toEqual([Math.exp(20), Math.exp(-20)])
  })
})

describe.each([
  ['clipped', clipped({ low: 0.2, high: 0.28 })],
  ['policyGradient', policyGradient],
])('what %s reports beside its objective', (_, surrogate) => {
  it.each(['ratio', 'clippedLow', 'clippedHigh'] as const)('carries no gradient: %s', (name) => {
    const freezer = createFreezer()
    const batch = ratios(1, 1.1, 2)
    const reported = (params: { readonly logprob?: RefTensor }) =>
      surrogate(freezableOps(freezer), { ...batch, logprob: params.logprob! })[name].data.reduce((a, b) => a + b)
    expect(numbers(centralDifferences(freezer, reported, { logprob: batch.logprob }).grads['logprob']!)).toEqual([0, 0])
  })
})

describe('the plain policy gradient', () => {
  it('is the advantage times the log-prob, and reports the ratio', () => {
    const { objective, ratio, clippedLow } = policyGradient(ops, ratios(2, Math.E))
    expect(numbers(objective)).toEqual([2])
    expect(numbers(ratio)).toEqual([expect.closeTo(Math.E, 14)])
    expect(numbers(clippedLow)).toEqual([0])
  })
})

describe('aggregates', () => {
  // Two rollouts of one and two tokens, worth 1 and -1 each token.
  const x = ops.fromHost({ shape: [2, 2], data: [1, 99, -1, -1] })
  const mask = ops.fromHost({ shape: [2, 2], data: [1, 0, 1, 1] })
  const totals = batchTotals([1, 2])

  it('sequenceMean weighs rollouts alike (paper, eq. 2-3)', () => {
    expect(numbers(sequenceMean(ops, x, mask, totals))).toEqual([0])
  })

  it('tokenMean weighs tokens alike (paper, eq. 4)', () => {
    expect(numbers(tokenMean(ops, x, mask, totals))).toEqual([expect.closeTo(-1 / 3, 15)])
  })

  it('fixedLength divides by rollouts times the length budget', () => {
    expect(numbers(fixedLength(4)(ops, x, mask, totals))).toEqual([-1 / 8])
  })

  it('counts a rollout without tokens, as zero', () => {
    const none = ops.fromHost({ shape: [2, 2], data: [1, 1, 0, 0] })
    expect(numbers(sequenceMean(ops, x, none, batchTotals([2, 0])))).toEqual([25]) // ((1 + 99) / 2 + 0) / 2
  })
})

describe('klEstimate', () => {
  // d = ln pi_ref - ln pi = ln 2 and -ln 2
  const [logprob, ref] = [row(0, 0), row(Math.LN2, -Math.LN2)]

  it('has the values of its four formulas', () => {
    expect(numbers(klEstimate(ops, logprob, ref, { estimator: 'k1' }))).toEqual([-Math.LN2, Math.LN2])
    expect(numbers(klEstimate(ops, logprob, ref, { estimator: 'abs' }))).toEqual([Math.LN2, Math.LN2])
    expect(numbers(klEstimate(ops, logprob, ref, { estimator: 'k2' }))).toEqual([
      expect.closeTo(Math.LN2 ** 2 / 2, 15),
      expect.closeTo(Math.LN2 ** 2 / 2, 15),
    ])
    expect(numbers(klEstimate(ops, logprob, ref))).toEqual([
      expect.closeTo(2 - Math.LN2 - 1, 15),
      expect.closeTo(0.5 + Math.LN2 - 1, 15),
    ])
  })

  it('with a + has the value of its estimator and the gradient of k2, -d, also where the clamp cuts the value', () => {
    const freezer = createFreezer()
    for (const [estimator, value] of [
      ['k1+', 20],
      ['k3+', 10],
      ['abs+', 10],
    ] as const) {
      const estimate = (params: { readonly logprob?: RefTensor }) =>
        klEstimate(freezableOps(freezer), params.logprob!, row(-30), {
          estimator,
          clamp: estimator === 'k1+' ? { difference: 20, estimate: 99 } : easyR1KlClamp,
        }).data[0]!
      const found = centralDifferences(freezer, estimate, { logprob: row(0) })
      expect(found.value).toBe(value)
      expect(found.grads['logprob']!.data[0]).toBeCloseTo(30, 6)
    }
    expect(numbers(klEstimate(ops, row(0), row(3), { estimator: 'abs+' }))).toEqual([3])
  })

  it('is cut at 10 with the clamp of EasyR1, and overflows without', () => {
    expect(numbers(klEstimate(ops, row(0), row(1000), { clamp: easyR1KlClamp }))).toEqual([10])
    expect(numbers(klEstimate(ops, row(0), row(-1000), { clamp: easyR1KlClamp }))).toEqual([10])
    expect(numbers(klEstimate(ops, row(0), row(1000)))).toEqual([Infinity])
  })
})

describe('cispo and sapo', () => {
  // Ratios 4 and 1 of one rollout: their geometric mean is 2.
  const given = ratios(1, 4, 1)

  it('take the ratio of the whole rollout where asked to', () => {
    const weight = (surrogate: Surrogate) => numbers(surrogate(ops, given).ratio)
    for (const level of ['sequence', 'sequence-token'] as const)
      for (const surrogate of [cispo({ max: 9, level }), sapo({ level }), clipped({ low: 0.2, high: 0.2, level })])
        for (const ratio of weight(surrogate)) expect(ratio).toBeCloseTo(2, 14)
    expect(weight(cispo({ max: 9 }))[0]).toBeCloseTo(4, 14)
    expect(weight(sapo())[0]).toBeCloseTo(4, 14)
  })

  it('cispo counts a weight at the bound its advantage presses against, sapo none', () => {
    const counts = (advantage: number) => {
      const { clippedLow, clippedHigh } = cispo({ min: 0.8, max: 1.2 })(ops, ratios(advantage, 0.5, 1, 2))
      return [numbers(clippedLow), numbers(clippedHigh)]
    }
    expect(counts(1)).toEqual([
      [0, 0, 0],
      [0, 0, 1],
    ])
    expect(counts(-1)).toEqual([
      [1, 0, 0],
      [0, 0, 0],
    ])
    const { clippedLow, clippedHigh } = sapo()(ops, ratios(1, 0.01, 99))
    expect([...numbers(clippedLow), ...numbers(clippedHigh)]).toEqual([0, 0, 0, 0])
  })
})

describe('policyLoss', () => {
  const rollouts = [
    { logprob: [-1], oldLogprob: [-1], refLogprob: [-1 + Math.LN2], advantage: 1 },
    { logprob: [-2, -1], oldLogprob: [-2, -1], refLogprob: [-2, -1], advantage: -1 },
  ]
  const batch = batchOf(rollouts, 2)
  const totals = batchTotals(lengthsOf(rollouts))
  const options = { epsilon: 0.2, maxCompletionLength: 4 }
  const valueOf = (lossType: Parameters<typeof recipe>[0]) =>
    policyLoss(recipe(lossType, options))(ops, totals)(batch).value.data[0]

  it('on policy is minus the aggregated advantages: the hand case of each recipe', () => {
    expect(valueOf('grpo')).toBeCloseTo(0, 15)
    expect(valueOf('dapo')).toBeCloseTo(1 / 3, 15)
    expect(valueOf('bnpo')).toBeCloseTo(1 / 3, 15)
    expect(valueOf('dr_grpo')).toBeCloseTo(1 / 8, 15)
  })

  it('adds beta times the KL, aggregated as the surrogate is', () => {
    // k3 = 2 - ln 2 - 1 on the only token of rollout 0, whose mean weighs 1/2.
    const k3 = 1 - Math.LN2
    const { value, aux } = policyLoss({ ...recipe('grpo', options), kl: { beta: 0.3 } })(ops, totals)(batch)
    expect(value.data[0]).toBeCloseTo((0.3 * k3) / 2, 15)
    expect(aux.surrogate.data[0]).toBeCloseTo(0, 15)
    expect(aux.kl!.data[0]).toBeCloseTo(k3 / 3, 15)
  })

  it('weighs the KL by the ratio of the level asked for', () => {
    const off = batchOf([{ logprob: [Math.LN2 * 2, 0], oldLogprob: [0, 0], refLogprob: [0, 0], advantage: 0 }], 2)
    const klOf = (weightedBy?: 'token' | 'sequence') =>
      policyLoss({
        ...recipe('dapo', options),
        kl: { beta: 1, estimator: 'k1', ...(weightedBy === undefined ? {} : { weightedBy }) },
      })(
        ops,
        batchTotals([2]),
      )(off).value.data[0]
    expect(klOf()).toBeCloseTo(Math.LN2, 14)
    expect(klOf('token')).toBeCloseTo(4 * Math.LN2, 14)
    expect(klOf('sequence')).toBeCloseTo(2 * Math.LN2, 14)
  })

  it('subtracts the entropy bonus', () => {
    const entropy = ops.fromHost({ shape: [2, 2], data: [0.6, 9, 0.3, 0.3] })
    const { value, aux } = policyLoss({ ...recipe('dapo', options), entropyCoefficient: 0.5 })(ops, totals)({
      ...batch,
      entropy,
    })
    expect(value.data[0]).toBeCloseTo(1 / 3 - 0.5 * 0.4, 15)
    expect(aux.entropy!.data[0]).toBeCloseTo(0.4, 15)
  })

  it('reports the mean ratio, the drift from the old policy and the clipped fractions', () => {
    const moved = batchOf(
      [
        { logprob: [Math.LN2, 0], oldLogprob: [0, 0], refLogprob: [0, 0], advantage: 1 },
        { logprob: [-Math.LN2, 0], oldLogprob: [0, 0], refLogprob: [0, 0], advantage: -1 },
      ],
      3,
    )
    const { aux } = policyLoss(recipe('dapo', options))(ops, batchTotals([2, 2]))(moved)
    expect(aux.ratio.data[0]).toBeCloseTo((2 + 1 + 0.5 + 1) / 4, 15)
    expect(aux.oldKl.data[0]).toBeCloseTo(0, 15)
    expect([aux.clipLow.data[0], aux.clipHigh.data[0]]).toEqual([0.25, 0.25])
  })

  it('does not need a reference policy while beta is 0, and asks for it otherwise', () => {
    const { refLogprob: _, ...without } = batch
    const withKl = (beta: number) => policyLoss({ ...recipe('grpo', options), kl: { beta } })(ops, totals)
    expect(withKl(0)(without).aux.kl).toBeUndefined()
    expect(() => withKl(0.1)(without)).toThrow('the KL penalty has a weight, but the batch has no refLogprob')
    expect(() => withKl(0.1)(without)).toThrow(ShapeError)
    const bonus = policyLoss({ ...recipe('grpo', options), entropyCoefficient: 0.1 })(ops, totals)
    expect(() => bonus(batch)).toThrow('the entropy bonus has a weight, but the batch has no entropy')
  })

  it('lets no gradient into its statistics', () => {
    const freezer = createFreezer()
    const frozen = freezableOps(freezer)
    const loss = policyLoss({ ...recipe('dapo', options), kl: { beta: 0.1 } })(frozen, totals)
    for (const name of ['surrogate', 'ratio', 'oldKl', 'clipLow', 'clipHigh', 'kl'] as const) {
      const statistic = (params: { readonly logprob?: RefTensor }) =>
        loss({ ...batch, logprob: params.logprob! }).aux[name]!.data[0]!
      const { grads } = centralDifferences(freezer, statistic, { logprob: batch.logprob })
      expect(numbers(grads['logprob']!), name).toEqual([0, 0, 0, 0])
    }
  })
})

describe('supervisedLoss', () => {
  it('is minus the mean log-prob of the tokens', () => {
    const logprob = ops.fromHost({ shape: [2, 2], data: [-1, -99, -2, -3] })
    const mask = ops.fromHost({ shape: [2, 2], data: [1, 0, 1, 1] })
    expect(numbers(supervisedLoss(ops, batchTotals([1, 2]))({ logprob, mask }))).toEqual([2])
  })
})

import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { mean, std } from '../num/stats.ts'
import { permutation } from '../random/sequence.ts'
import {
  type AdvantageEstimator,
  type Advantages,
  batchStd,
  bucketStds,
  centreOnly,
  leaveOneOut,
  perPromptStd,
  type RewardGroups,
  type Rewards,
  sharedStd,
} from './advantage.ts'
import { estimatorNames, rewardEstimator, rewardEstimatorNames } from './select.ts'

const seed = 24
const options = { epsilon: 1e-6, ddof: 1 } as const
const exact = { epsilon: 0, ddof: 1 } as const

/** Multiples of 1/64, so that shifting them is exact and constant groups stay constant. */
const reward = fc.integer({ min: -128, max: 128 }).map((i) => i / 64)
const binary = fc.constantFrom(0, 1)
const group = fc.oneof(
  fc.array(reward, { minLength: 1, maxLength: 9 }),
  fc.array(binary, { minLength: 1, maxLength: 9 }),
  fc.integer({ min: 1, max: 9 }).map((n) => new Array<number>(n).fill(0.9)),
)
const batch = fc.array(group, { minLength: 1, maxLength: 8 })
const withNulls = fc.array(fc.array(fc.option(reward), { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 8 })

/** Every estimator over rewards, the shared std with buckets 0, 1, 0, 1, … among them. */
const estimators: Readonly<Record<string, (epsilon: number) => AdvantageEstimator>> = {
  perPromptStd: (epsilon) => perPromptStd({ epsilon, ddof: 1 }),
  populationStd: (epsilon) => perPromptStd({ epsilon, ddof: 0 }),
  centreOnly: () => centreOnly,
  batchStd: (epsilon) => batchStd({ epsilon, ddof: 1 }),
  sharedStd: (epsilon) => (rewards) =>
    sharedStd(
      { epsilon, ddof: 1 },
      rewards.map((_, s) => s % 2),
    )(rewards),
  leaveOneOut: () => leaveOneOut,
}

const expectClose = (actual: Advantages, expected: Advantages, tolerance = 1e-9): void => {
  expect(actual.map((one) => one.length)).toEqual(expected.map((one) => one.length))
  actual.forEach((one, s) =>
    one.forEach((advantage, i) => {
      const wanted = expected[s]![i]!
      if (wanted === null) expect(advantage).toBeNull()
      else expect(Math.abs(advantage! - wanted)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(wanted)))
    }),
  )
}

describe('perPromptStd', () => {
  it('gives 1.5 and -0.5 for one right of four (mean 1/4, std 1/2)', () => {
    expectClose(perPromptStd(exact)([[1, 0, 0, 0]]), [[1.5, -0.5, -0.5, -0.5]], 1e-15)
  })

  it("cannot tell a format slip from a wrong answer: {1,1,1,1,0.9} gets the advantages of {1,1,1,1,0} (the paper's disease)", () => {
    const [slip, wrong] = perPromptStd(exact)([
      [1, 1, 1, 1, 0.9],
      [1, 1, 1, 1, 0],
    ])
    expectClose([slip!], [wrong!], 1e-12)
    const [sharedSlip, sharedWrong] = batchStd(exact)([
      [1, 1, 1, 1, 0.9],
      [1, 1, 1, 1, 0],
    ])
    expect(sharedWrong![4]! / sharedSlip![4]!).toBeCloseTo(10, 12)
  })

  it('adds epsilon to the std, outside the root, and takes ddof at its word', () => {
    expectClose(perPromptStd({ epsilon: 0.5, ddof: 1 })([[1, 0, 0, 0]]), [[0.75, -0.25, -0.25, -0.25]], 1e-15)
    expectClose(perPromptStd({ epsilon: 0, ddof: 0 })([[1, 3]]), [[-1, 1]], 1e-15)
  })

  it('golden: agrees with EasyR1 b44b311 compute_grpo_outcome_advantage to 1e-10', () => {
    expectClose(perPromptStd(options)(easyr1.rewards), easyr1.grpo, 1e-10)
  })
})

describe('leaveOneOut', () => {
  it('subtracts the mean of the others: 1 - 0 and 0 - 1/2 for one right of three', () => {
    expectClose(leaveOneOut([[1, 0, 0]]), [[1, -0.5, -0.5]], 1e-15)
  })

  it('golden: agrees with EasyR1 b44b311 compute_rloo_outcome_advantage to 1e-10', () => {
    expectClose(leaveOneOut(easyr1.rewards), easyr1.rloo, 1e-10)
  })

  it('golden: differs from EasyR1 on purpose where it leaves phantom advantages: its constant 0.1 group has -1.4e-17, ours exactly 0', () => {
    expect(easyr1.rloo[4]!.every((advantage) => advantage !== 0)).toBe(true)
    expect(leaveOneOut(easyr1.rewards)[4]).toEqual([0, 0, 0, 0])
  })
})

describe('constant groups', () => {
  it('are exactly 0 under every estimator with a baseline, where a plain std leaves phantom advantages', () => {
    const seven = new Array<number>(7).fill(0.9)
    const centre = seven.reduce((a, b) => a + b) / 7
    expect(seven[0]! - centre).not.toBe(0) // what a plain implementation divides by epsilon
    for (const make of Object.values(estimators))
      expect(make(1e-6)([seven, [1, 0]])[0]!.every((advantage) => advantage === 0)).toBe(true)
  })

  it('a constant bucket and a group of one are exactly 0, with epsilon 0 too', () => {
    expect(
      sharedStd(
        exact,
        [0, 0, 1],
      )([
        [1, 1],
        [1, 1],
        [0, 1],
      ])[0],
    ).toEqual([0, 0])
    for (const make of Object.values(estimators)) expect(make(0)([[0.3]])).toEqual([[0]])
  })

  it('between others in a bucket they are 0 while the bucket keeps its std', () => {
    const rewards = [
      [1, 1],
      [0, 0],
    ]
    expect(bucketStds(rewards, [0, 0], 1)[0]).toBeCloseTo(Math.sqrt(1 / 3), 15)
    expect(sharedStd(exact, [0, 0])(rewards)).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  it('property: exactly 0 for any reward, size and estimator', () => {
    const constant = fc
      .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 40 }))
      .map(([value, n]) => new Array<number>(n).fill(value))
    fc.assert(
      fc.property(constant, batch, (one, others) => {
        for (const make of Object.values(estimators))
          for (const advantage of make(1e-6)([one, ...others])[0]!) expect(advantage === 0).toBe(true)
      }),
      { seed },
    )
  })
})

describe('sharedStd', () => {
  it('divides by the std of all rewards of the bucket around the bucket mean', () => {
    const rewards = [
      [1, 0],
      [4, 2],
    ]
    const spread = std([1, 0, 4, 2], { ddof: 1 })
    expectClose(sharedStd(exact, [5, 5])(rewards), [
      [0.5 / spread, -0.5 / spread],
      [1 / spread, -1 / spread],
    ])
  })

  it('property: equals per-prompt std when every prompt is its own bucket', () => {
    fc.assert(
      fc.property(batch, (rewards) => {
        const own = rewards.map((_, s) => s)
        expect(sharedStd(options, own)(rewards)).toEqual(perPromptStd(options)(rewards))
      }),
      { seed },
    )
  })

  it('property: with one bucket it is the batch std around the batch mean', () => {
    fc.assert(
      fc.property(batch, (rewards) => {
        const all = rewards.flat()
        const centre = all.reduce((a, b) => a + b, 0) / all.length
        const spread = Math.sqrt(all.reduce((a, r) => a + (r - centre) ** 2, 0) / Math.max(1, all.length - 1))
        const expected = rewards.map((one) =>
          one.map((r) => (spread < 1e-12 ? 0 : (r - one.reduce((a, b) => a + b, 0) / one.length) / (spread + 1e-6))),
        )
        expectClose(batchStd(options)(rewards), expected)
      }),
      { seed },
    )
  })

  it('refuses buckets that do not fit', () => {
    expect(() => sharedStd(options, [0])([[1], [2]])).toThrow(/1 buckets for 2 groups/)
  })
})

describe.each(Object.entries(estimators))('%s', (name, make) => {
  it('property: ignores a shift of all rewards', () => {
    fc.assert(
      fc.property(batch, reward, (rewards, shift) => {
        const dyadic = rewards.filter((one) => one[0] !== 0.9)
        expectClose(make(1e-6)(dyadic.map((one) => one.map((r) => r + shift))), make(1e-6)(dyadic))
      }),
      { seed },
    )
  })

  it('property: scaling rewards scales centred advantages and leaves normalised ones alone', () => {
    fc.assert(
      fc.property(batch, fc.double({ min: 0.01, max: 100, noNaN: true }), (rewards, k) => {
        const scaled = make(0)(rewards.map((one) => one.map((r) => r * k)))
        const factor = name === 'centreOnly' || name === 'leaveOneOut' ? k : 1
        expectClose(
          scaled,
          make(0)(rewards).map((one) => one.map((advantage) => advantage! * factor)),
        )
      }),
      { seed },
    )
  })

  it('property: permuting rollouts permutes advantages', () => {
    fc.assert(
      fc.property(batch, fc.nat(), (rewards, key) => {
        const orders = rewards.map((one, s) => permutation({ seed: key, index: s }, one.length))
        const permuted = <A>(groups: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<ReadonlyArray<A>> =>
          groups.map((one, s) => orders[s]!.map((i) => one[i]!))
        expectClose(make(1e-6)(permuted(rewards)), permuted(make(1e-6)(rewards)))
      }),
      { seed },
    )
  })

  it('property: advantages of a group sum to 0 and keep the order of its rewards', () => {
    fc.assert(
      fc.property(batch, (rewards) => {
        make(1e-6)(rewards).forEach((one, s) => {
          const largest = Math.max(1, ...one.map((advantage) => Math.abs(advantage!)))
          expect(Math.abs(one.reduce<number>((a, b) => a + b!, 0))).toBeLessThan(1e-9 * largest)
          one.forEach((advantage, i) =>
            one.forEach((other, j) => {
              if (rewards[s]![i]! > rewards[s]![j]!) expect(advantage!).toBeGreaterThanOrEqual(other!)
            }),
          )
        })
      }),
      { seed },
    )
  })

  it('property: a null reward is null in place and changes nothing else', () => {
    fc.assert(
      fc.property(withNulls, (rewards) => {
        const advantages = make(1e-6)(rewards)
        advantages.forEach((one, s) =>
          one.forEach((advantage, i) => expect(advantage === null).toBe(rewards[s]![i] === null)),
        )
        const kept = (groups: ReadonlyArray<Rewards>): RewardGroups =>
          groups.map((one) => one.filter((x) => x !== null))
        expect(kept(advantages)).toEqual(make(1e-6)(kept(rewards)))
      }),
      { seed },
    )
  })
})

describe('permuting prompts', () => {
  it('property: permutes advantages, with their buckets', () => {
    fc.assert(
      fc.property(batch, fc.nat(), (rewards, key) => {
        const order = permutation({ seed: key }, rewards.length)
        const bucketOf = rewards.map((_, s) => s % 3)
        const moved = <A>(groups: ReadonlyArray<A>): ReadonlyArray<A> => order.map((s) => groups[s]!)
        expectClose(sharedStd(options, moved(bucketOf))(moved(rewards)), moved(sharedStd(options, bucketOf)(rewards)))
      }),
      { seed },
    )
  })
})

describe('rewardEstimator', () => {
  it('none is the reward itself, the others what their names say', () => {
    const rewards = [
      [1, 0, null],
      [3, 1, 1],
    ]
    expect(rewardEstimator('none', options)(rewards)).toEqual(rewards)
    expect(rewardEstimator('grpo', options)(rewards)).toEqual(perPromptStd(options)(rewards))
    expect(rewardEstimator('dr_grpo', options)(rewards)).toEqual([
      [0.5, -0.5, null],
      [3 - mean([3, 1, 1]), 1 - mean([3, 1, 1]), 1 - mean([3, 1, 1])],
    ])
    expect(rewardEstimator('batch', options)(rewards)).toEqual(batchStd(options)(rewards))
    expect(rewardEstimator('rloo', options)(rewards)).toEqual(leaveOneOut(rewards))
    expect(estimatorNames).toEqual(['durian', ...rewardEstimatorNames])
  })
})

const easyr1 = JSON.parse(
  readFileSync(new URL('../../goldens/easyr1_advantages.json', import.meta.url), 'utf8'),
) as Readonly<Record<'rewards' | 'grpo' | 'rloo', ReadonlyArray<ReadonlyArray<number>>>>

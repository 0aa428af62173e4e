import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { weightedStd } from '../num/stats.ts'
import { permutation } from '../random/sequence.ts'
import { perPromptStd } from './advantage.ts'
import { aroundBatchMean, bestAboveSecond } from './centre.ts'
import { type BatchContext, type RewardEstimatorName, rewardEstimatorNames } from './compositions.ts'
import { durianAdvantages, durianDefaults } from './durian.ts'
import { decoupledScores, type RewardParts, weightedRewards } from './rewardParts.ts'
import type { Advantages, RewardGroups } from './rewards.ts'
import { estimator, rewardEstimator } from './select.ts'

type Rows = ReadonlyArray<ReadonlyArray<number>>
const goldenOf = <A>(name: string): A =>
  JSON.parse(readFileSync(new URL(`../../goldens/${name}.json`, import.meta.url), 'utf8')) as A

const easyr1 =
  goldenOf<Readonly<Record<'rewards' | 'lengths' | 'grpo_passk' | 'reinforce_plus_plus', Rows>>>('easyr1_advantages')
const peers = goldenOf<{
  readonly lengths: Rows
  readonly weights: ReadonlyArray<number>
  readonly rewards: Rows
  readonly parts: ReadonlyArray<Rows>
  readonly missing: RewardParts
  readonly verl: Readonly<
    Record<'rloo' | 'grpo_passk' | 'reinforce_plus_plus' | 'reinforce_plus_plus_baseline' | 'gdpo', Rows>
  >
  readonly trl: Readonly<Record<'group' | 'batch' | 'none' | 'gdpo', Rows>>
  readonly trl_missing: Readonly<Record<'group' | 'gdpo', Rows>>
  readonly swift: Readonly<Record<'rloo' | 'gdpo' | 'reinforce_plus_plus', Rows>>
}>('peers_advantages')

const apart = (actual: Advantages, expected: Advantages): number =>
  Math.max(...expected.flatMap((group, s) => group.map((value, i) => Math.abs(actual[s]![i]! - value!))))

const estimated = (name: RewardEstimatorName, epsilon: number, context: BatchContext = {}) =>
  rewardEstimator(name, { epsilon, ddof: 1 }, context)
/** masked_whiten of EasyR1 and verl: 1e-8 inside the root, nothing outside. */
const whitened = (name: RewardEstimatorName, context: BatchContext) =>
  rewardEstimator(name, { epsilon: 0, varianceEpsilon: 1e-8, ddof: 1 }, context)

describe('estimators of other programs', () => {
  it('golden: grpo_passk agrees with EasyR1 b44b311 and verl 0.8.0 to 1e-10', () => {
    expect(apart(estimated('grpo_passk', 1e-6)(easyr1.rewards), easyr1.grpo_passk)).toBeLessThan(1e-10)
    expect(apart(estimated('grpo_passk', 1e-6)(peers.rewards), peers.verl.grpo_passk)).toBeLessThan(1e-10)
    expect(peers.verl.grpo_passk.flat().filter((advantage) => advantage > 0).length).toBeGreaterThan(3)
  })

  it('golden: reinforce_plus_plus over tokens agrees with EasyR1 b44b311 and verl 0.8.0 to 1e-9', () => {
    // Both add 1e-8 to the number of tokens, 1e-10 of 100 tokens.
    const { lengths, rewards } = easyr1
    expect(apart(whitened('reinforce_plus_plus', { lengths })(rewards), easyr1.reinforce_plus_plus)).toBeLessThan(1e-9)
    const ours = whitened('reinforce_plus_plus', { lengths: peers.lengths })(peers.rewards)
    expect(apart(ours, peers.verl.reinforce_plus_plus)).toBeLessThan(1e-9)
  })

  it('golden: reinforce_plus_plus_baseline agrees with verl 0.8.0 over tokens, with ms-swift 4.6.0 over rollouts', () => {
    const ours = whitened('reinforce_plus_plus_baseline', { lengths: peers.lengths })(peers.rewards)
    expect(apart(ours, peers.verl.reinforce_plus_plus_baseline)).toBeLessThan(1e-9)
    const outcomes = estimated('reinforce_plus_plus_baseline', 1e-4)(peers.rewards)
    expect(apart(outcomes, peers.swift.reinforce_plus_plus)).toBeLessThan(1e-10)
  })

  it('golden: rloo agrees with verl 0.8.0 and ms-swift 4.6.0 to 1e-10', () => {
    expect(apart(estimated('rloo', 0)(peers.rewards), peers.verl.rloo)).toBeLessThan(1e-10)
    expect(apart(estimated('rloo', 0)(peers.rewards), peers.swift.rloo)).toBeLessThan(1e-10)
  })

  it("golden: grpo, batch and dr_grpo agree with TRL 1.10.0's scale_rewards group, batch and none to 1e-10", () => {
    expect(apart(estimated('grpo', 1e-4)(peers.rewards), peers.trl.group)).toBeLessThan(1e-10)
    expect(apart(estimated('batch', 1e-4)(peers.rewards), peers.trl.batch)).toBeLessThan(1e-10)
    expect(apart(estimated('dr_grpo', 1e-4)(peers.rewards), peers.trl.none)).toBeLessThan(1e-10)
  })

  it('golden: gdpo agrees with TRL 1.10.0 (epsilon 1e-4) and ms-swift 4.6.0 (1e-8) to 1e-10', () => {
    const context = { parts: peers.parts, rewardWeights: peers.weights }
    expect(apart(estimated('gdpo', 1e-4, context)(peers.rewards), peers.trl.gdpo)).toBeLessThan(1e-10)
    expect(apart(estimated('gdpo', 1e-8, context)(peers.rewards), peers.swift.gdpo)).toBeLessThan(1e-10)
  })

  it("golden: gdpo's scores, whitened over tokens, agree with verl 0.8.0 to 1e-9", () => {
    const scores = decoupledScores(peers.parts, { epsilon: 1e-6, ddof: 1, weights: peers.weights })
    const ours = whitened('reinforce_plus_plus', { lengths: peers.lengths })(scores)
    expect(apart(ours, peers.verl.gdpo)).toBeLessThan(1e-9)
  })

  it('golden: rewards that some functions did not give agree with TRL 1.10.0; where it has 0 for none at all, ours has null', () => {
    const rewards = weightedRewards(peers.missing, peers.weights)
    const context = { parts: peers.missing, rewardWeights: peers.weights }
    for (const [name, expected] of [
      ['grpo', peers.trl_missing.group],
      ['gdpo', peers.trl_missing.gdpo],
    ] as const) {
      const ours = estimated(name, 1e-4, context)(rewards)
      expect(ours[4]![0]).toBeNull()
      expect(expected[4]![0]).toBe(0)
      expect(
        apart(
          ours.map((group) => group.map((advantage) => advantage ?? 0)),
          expected,
        ),
      ).toBeLessThan(1e-10)
    }
  })
})

describe('phantom advantages', () => {
  const rewards = [
    [0.9, 0.9, 0.9],
    [1, 0, 0],
  ]
  it('differs from verl on purpose: the baseline variant over rollouts leaves a constant group at exactly 0, over tokens it does not', () => {
    expect(estimated('reinforce_plus_plus_baseline', 1e-6)(rewards)[0]).toEqual([0, 0, 0])
    const lengths = [
      [1, 1, 1],
      [9, 1, 1],
    ]
    expect(whitened('reinforce_plus_plus_baseline', { lengths })(rewards)[0]![0]).toBeLessThan(-0.1)
  })

  it('a solved group is above the batch mean under reinforce_plus_plus: its baseline is the batch', () => {
    expect(estimated('reinforce_plus_plus', 1e-6)(rewards)[0]![0]).toBeGreaterThan(0.5)
    expect(estimated('reinforce_plus_plus', 1e-6)([[0.9, 0.9], [0.9]])).toEqual([[0, 0], [0]])
  })
})

describe('grpo_passk', () => {
  it('gives the best rollout its lead over the second and 0 to all others: (1 - 0.4) / std', () => {
    expect(rewardEstimator('grpo_passk', { epsilon: 0, ddof: 0 })([[0, 1, 0.4, null]])).toEqual([
      [0, expect.closeTo(0.6 / Math.sqrt((1 + 0.16) / 3 - (1.4 / 3) ** 2), 12), 0, null],
    ])
  })

  it('is 0 for a tie at the top, for one rollout and for none', () => {
    expect(bestAboveSecond([[1, 1, 0], [5], [null]])).toEqual([[0, 0, 0], [0], [null]])
  })
})

describe('std options', () => {
  const group = [[1, 0, 0, 0]] // mean 1/4, sample std 1/2
  it('floor is the least std, and epsilon is added after it', () => {
    expect(perPromptStd({ epsilon: 0.25, ddof: 1, floor: 0.75 })(group)).toEqual([[0.75, -0.25, -0.25, -0.25]])
    expect(perPromptStd({ epsilon: 0, ddof: 1, floor: 0.1 })(group)).toEqual([[1.5, -0.5, -0.5, -0.5]])
  })

  it('varianceEpsilon is added inside the root', () => {
    expect(perPromptStd({ epsilon: 0, ddof: 1, varianceEpsilon: 0.75 })(group)).toEqual([[0.75, -0.25, -0.25, -0.25]])
  })

  it('without it nothing is squared: rewards of size 1e-200 keep their std', () => {
    expect(perPromptStd({ epsilon: 0, ddof: 0 })([[0, 2e-200]])).toEqual([[-1, 1]])
  })
})

describe('several rewards', () => {
  it('add up with their weights, over the functions that judged the rollout', () => {
    const parts = [[[1, null, null]], [[0.5, 2, null]]]
    expect(weightedRewards(parts, [2, 10])).toEqual([[7, 20, null]])
  })

  it('refuses weights or shapes that do not fit', () => {
    expect(() => weightedRewards([[[1]]], [1, 2])).toThrow(/2 weights for 1 rewards/)
    expect(() => weightedRewards([[[1, 2]], [[1]]], [1, 1])).toThrow(/reward 1 and reward 0/)
    expect(() => weightedRewards([[[1], [2]], [[1]]], [1, 1])).toThrow(/reward 1 and reward 0/)
    expect(() =>
      weightedRewards(
        [
          [[1], [2]],
          [[1], [2, 3]],
        ],
        [1, 1],
      ),
    ).toThrow(/reward 1 and reward 0/)
    expect(() => weightedRewards([], [])).toThrow(/0 weights for 0/)
    const gdpo = estimated('gdpo', 0, { parts: [[[1, 0], [1]]] })
    for (const rewards of [[[1, 0]], [[1], [1]]]) expect(() => gdpo(rewards)).toThrow(/the rollouts of the rewards/)
  })

  it('gdpo makes a format slip count as its weight says, where grpo on the sum lets the std decide', () => {
    const accuracy = [
      [1, 1, 1, 1],
      [1, 0, 1, 0],
    ]
    const format = [
      [1, 1, 1, 0],
      [1, 1, 1, 1],
    ]
    const context = { parts: [accuracy, format], rewardWeights: [0.9, 0.1] }
    const spread = (advantages: Advantages, s: number) => Math.max(...advantages[s]!.map((a) => Math.abs(a!)))
    const gdpo = estimated('gdpo', 1e-6, context)(accuracy)
    expect(spread(gdpo, 0) / spread(gdpo, 1)).toBeCloseTo((0.1 * 1.5) / (0.9 * Math.sqrt(0.75)), 4)
    const grpo = estimated('grpo', 1e-6)(weightedRewards([accuracy, format], [0.9, 0.1]))
    expect(spread(grpo, 0)).toBeGreaterThan(spread(grpo, 1))
  })

  it('gdpo leaves a rollout without a reward out of every part', () => {
    const parts = [[[1, 0, 9]], [[0, 1, 9]]]
    const ours = estimated('gdpo', 0, { parts, rewardWeights: [2, 1] })([[2, 1, null]])
    expect(ours[0]![2]).toBeNull()
    expect(ours[0]![0]!).toBeCloseTo(Math.SQRT1_2, 12)
  })
})

const seed = 71
const numRuns = 60
const reward = fc.integer({ min: -64, max: 64 }).map((i) => i / 64)
const batch = fc.array(fc.array(reward, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 })
const ragged = fc.array(fc.array(fc.option(reward, { freq: 6 }), { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 6,
})
const expectClose = (actual: Advantages, expected: Advantages, tolerance = 1e-9) => {
  expect(actual.map((group) => group.map((a) => a === null))).toEqual(
    expected.map((group) => group.map((a) => a === null)),
  )
  actual.forEach((group, s) =>
    group.forEach((advantage, i) =>
      expect(Math.abs((advantage ?? 0) - (expected[s]![i] ?? 0))).toBeLessThanOrEqual(
        tolerance * Math.max(1, Math.abs(expected[s]![i] ?? 0)),
      ),
    ),
  )
}

describe.each(rewardEstimatorNames)('%s', (name) => {
  const own = (rewards: RewardGroups) => estimated(name, 1e-6)(rewards)
  const permutable = name === 'grpo_passk' ? batch.map((groups) => groups.map((group) => [...new Set(group)])) : batch

  it('property: permuting rollouts permutes advantages', () => {
    fc.assert(
      fc.property(permutable, fc.nat(), (rewards, key) => {
        const orders = rewards.map((one, s) => permutation({ seed: key, index: s }, one.length))
        const permuted = <A>(groups: ReadonlyArray<ReadonlyArray<A>>) =>
          groups.map((one, s) => orders[s]!.map((i) => one[i]!))
        expectClose(own(permuted(rewards)), permuted(own(rewards)))
      }),
      { seed, numRuns },
    )
  })

  it('property: permuting prompts permutes advantages', () => {
    fc.assert(
      fc.property(batch, fc.nat(), (rewards, key) => {
        const order = permutation({ seed: key }, rewards.length)
        expectClose(
          own(order.map((s) => rewards[s]!)),
          order.map((s) => own(rewards)[s]!),
        )
      }),
      { seed, numRuns },
    )
  })

  it('property: a null reward is null in place and changes nothing else', () => {
    fc.assert(
      fc.property(ragged, (rewards) => {
        const kept = (groups: RewardGroups) => groups.map((group) => group.filter((one) => one !== null))
        const advantages = own(rewards)
        expectClose(kept(advantages), own(kept(rewards)))
        advantages.forEach((group, s) => group.forEach((one, i) => expect(one === null).toBe(rewards[s]![i] === null)))
      }),
      { seed, numRuns },
    )
  })

  it('property: ignores a shift of all rewards (none excepted), follows or ignores their scale', () => {
    const scales: ReadonlySet<RewardEstimatorName> = new Set(['dr_grpo', 'rloo', 'none'])
    fc.assert(
      fc.property(batch, reward, fc.constantFrom(0.25, 2, 8), (rewards, shift, factor) => {
        const moved = rewards.map((group) => group.map((one) => one + shift))
        const expected = name === 'none' ? own(rewards).map((group) => group.map((one) => one! + shift)) : own(rewards)
        expectClose(own(moved), expected)
        const exact = estimated(name, 0)
        const scaledUp = exact(rewards.map((group) => group.map((one) => one * factor)))
        expectClose(
          scaledUp,
          exact(rewards).map((group) => group.map((one) => one! * (scales.has(name) ? factor : 1))),
        )
      }),
      { seed, numRuns },
    )
  })
})

describe('whitening', () => {
  it('property: REINFORCE++ advantages have mean 0 and std 1, over rollouts and over tokens', () => {
    const sized = fc.array(fc.array(fc.tuple(reward, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 5 }), {
      minLength: 2,
      maxLength: 5,
    })
    fc.assert(
      fc.property(sized, (groups) => {
        const rewards = groups.map((group) => group.map(([one]) => one))
        const lengths = groups.map((group) => group.map(([, length]) => length))
        fc.pre(new Set(rewards.flat()).size > 1)
        for (const context of [{}, { lengths }]) {
          const advantages = estimated('reinforce_plus_plus', 0, context)(rewards).flat() as ReadonlyArray<number>
          const weights = 'lengths' in context ? lengths.flat() : advantages.map(() => 1)
          const total = advantages.reduce((sum, advantage, i) => sum + advantage * weights[i]!, 0)
          expect(Math.abs(total)).toBeLessThan(1e-9 * weights.length * 9)
          expect(weightedStd(advantages, weights, { ddof: 1 })).toBeCloseTo(1, 9)
        }
      }),
      { seed, numRuns },
    )
  })

  it('property: rollouts of one length make tokens and rollouts agree with ddof 0', () => {
    fc.assert(
      fc.property(batch, fc.integer({ min: 1, max: 7 }), (rewards, length) => {
        const lengths = rewards.map((group) => group.map(() => length))
        for (const name of ['reinforce_plus_plus', 'reinforce_plus_plus_baseline'] as const)
          expectClose(
            rewardEstimator(name, { epsilon: 1e-6, ddof: 0 }, { lengths })(rewards),
            rewardEstimator(name, { epsilon: 1e-6, ddof: 0 })(rewards),
          )
      }),
      { seed, numRuns },
    )
  })

  it('the batch mean of equal rewards leaves no residue, and a null reward takes its length with it', () => {
    const six = new Array<number>(6).fill(0.9)
    expect(aroundBatchMean([[1, 2, 3, 4, 5, 6]])([six])).toEqual([six.map(() => 0)]) // their weighted mean is 0.9 + 1e-16
    const whole = estimated('reinforce_plus_plus', 1e-6, {
      lengths: [
        [3, 9, 1],
        [2, 1, 1],
      ],
    })
    const kept = estimated('reinforce_plus_plus', 1e-6, {
      lengths: [
        [3, 1],
        [2, 1, 1],
      ],
    })
    expectClose(
      kept([
        [1, 0],
        [0, 0, 1],
      ]),
      whole([
        [1, null, 0],
        [0, 0, 1],
      ]).map((group) => group.filter((one) => one !== null)),
    )
  })

  it('refuses lengths that do not fit', () => {
    expect(() => estimated('reinforce_plus_plus', 0, { lengths: [[1]] })([[1], [0]])).toThrow(
      /1 groups of lengths for 2/,
    )
    expect(() => estimated('reinforce_plus_plus', 0, { lengths: [[1]] })([[1, 0]])).toThrow(/1 lengths for 2 rewards/)
  })
})

describe('estimator', () => {
  const sample = { entropy: 1, confidence: -1 }
  it('takes lengths and parts from the samples', () => {
    const samples = [
      { ...sample, rewards: [1, 0], lengths: [3, 1] },
      { ...sample, rewards: [1, 0.5], lengths: [1, 1] },
    ]
    const lengths = samples.map((one) => one.lengths)
    expect(estimator('reinforce_plus_plus', durianDefaults)(samples).advantages).toEqual(
      estimated('reinforce_plus_plus', 1e-6, { lengths })(samples.map((one) => one.rewards)),
    )
    const parts = [
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 1],
        [1, 0],
      ],
    ]
    const judged = samples.map((one, s) => ({ ...one, parts: parts.map((part) => part[s]!) }))
    expect(estimator('gdpo', { ...durianDefaults, rewardWeights: [0.9, 0.1] })(judged).advantages).toEqual(
      estimated('gdpo', 1e-6, { parts, rewardWeights: [0.9, 0.1] })(samples.map((one) => one.rewards)),
    )
  })

  it('asks for them for all samples or for none', () => {
    const samples = [
      { ...sample, rewards: [1, 0], lengths: [3, 1] },
      { ...sample, rewards: [1, 0] },
    ]
    expect(() => estimator('reinforce_plus_plus', durianDefaults)(samples)).toThrow(/1 of 2 samples have lengths/)
    const uneven = [
      { ...sample, rewards: [1], parts: [[1]] },
      { ...sample, rewards: [1], parts: [[1], [1]] },
    ]
    expect(() => estimator('gdpo', durianDefaults)(uneven)).toThrow(/sample 1 has 2 rewards a rollout, sample 0 has 1/)
  })
})

describe('Durian over another base', () => {
  const samples = [
    { rewards: [1, 0, 0], entropy: 1, confidence: -3 },
    { rewards: [1, 1, 0.9], entropy: 2, confidence: -1 },
    { rewards: [0, 0, 1], entropy: 3, confidence: -2 },
  ]

  it.each(['dr_grpo', 'batch', 'rloo', 'grpo_passk', 'reinforce_plus_plus'] as const)(
    'the components have the numerators of %s, over the stds of the buckets',
    (base) => {
      const { components, perceptual } = durianAdvantages(samples, { ...durianDefaults, epsilon: 0, base })
      const rewards = samples.map((one) => one.rewards)
      expect(components.grpo).toEqual(estimated(base, 0)(rewards))
      const bare = { dr_grpo: 'dr_grpo', batch: 'dr_grpo', rloo: 'rloo' } as const
      if (base in bare) {
        const numerators = estimated(bare[base as keyof typeof bare], 0)(rewards)
        expectClose(
          components.perceptual,
          numerators.map((group, s) => group.map((one) => one! / perceptual.stds[s]!)),
        )
      }
    },
  )

  it('over gdpo the bucket std is that of the scores, so no reward dominates by its scale', () => {
    const parts = samples.map((one, s) => ({ ...one, parts: [one.rewards, [s === 0 ? 100 : 0, 0, 0]] }))
    const options = { ...durianDefaults, epsilon: 0, base: 'gdpo', rewardWeights: [1, 1], reasoningGroups: 1 } as const
    const { components } = durianAdvantages(parts, options)
    expectClose(components.reasoning, components.grpo)
    const byFunction = [0, 1].map((k) => parts.map((one) => one.parts[k]!))
    const gdpo = estimated('gdpo', 0, { parts: byFunction, rewardWeights: [1, 1] })
    expect(components.grpo).toEqual(gdpo(samples.map((one) => one.rewards)))
    expect(Math.max(...components.reasoning[0]!.map((one) => Math.abs(one!)))).toBeLessThan(3)
  })

  it('one bucket over grpo is the batch estimator, every prompt its own bucket is grpo', () => {
    const one = durianAdvantages(samples, { ...durianDefaults, reasoningGroups: 1 })
    expect(one.components.reasoning).toEqual(estimated('batch', 1e-6)(samples.map(({ rewards }) => rewards)))
    const own = durianAdvantages(samples, { ...durianDefaults, reasoningGroups: 3 })
    expect(own.reasoning.buckets).toEqual([0, 2, 1])
    expect(own.components.reasoning).toEqual(own.components.grpo)
  })
})

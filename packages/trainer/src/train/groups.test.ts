import { durianAdvantages, durianDefaults, estimatorNames, rewardEstimator, shrunkSpread } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { smallConfig } from './testing.ts'
import { durianOptions, groupAdvantages, type Group } from './groups.ts'
import { nextMemory, noMemory } from './stepMemory.ts'

const lengths = [
  [3, 5, 2, 4],
  [6, 1, 2, 2],
  [4, 4, 4, 7],
]
const accuracy = [
  [1, 0, 0, 1],
  [0, 0, 1, 0],
  [1, 1, 1, 1],
]
const format = [
  [1, 1, 0, 1],
  [0, 1, 1, 1],
  [1, 1, 0, 1],
]
const rewards = accuracy.map((group, s) => group.map((right, i) => 0.9 * right + 0.1 * format[s]![i]!))

/** What advantages read of a group, and nothing else. */
const groups = rewards.map(
  (group, s): Group =>
    ({
      completions: lengths[s]!.map((length) => ({ ids: new Int32Array(length) })),
      rewards: group,
      parts: group.map((_, i) => ({ accuracy_reward: accuracy[s]![i]!, boxed_format_reward: format[s]![i]! })),
      visualEntropy: s + 1,
      confidence: -1 - 5 * s,
    }) as unknown as Group,
)
const std = { epsilon: 1e-6, ddof: 1 } as const
const configWith = (...overrides: ReadonlyArray<string>) => smallConfig('nowhere', 'none', overrides)
const under = async (...overrides: ReadonlyArray<string>) =>
  groupAdvantages(await configWith(...overrides), groups).advantages

describe('groupAdvantages', () => {
  it.each(estimatorNames)('gives %s what core gives', async (name) => {
    const context = { lengths, parts: [accuracy, format], rewardWeights: [0.9, 0.1] }
    const expected =
      name === 'durian'
        ? durianAdvantages(
            groups.map(({ rewards, visualEntropy, confidence }) => ({ rewards, entropy: visualEntropy, confidence })),
            durianDefaults,
          ).advantages
        : rewardEstimator(name, std, context)(rewards)
    expect(await under(`estimator=${name}`)).toEqual(expected)
    if (name !== 'none') expect(expected).not.toEqual(rewards)
  })

  it('weighs the rewards of gdpo as configured, the punishment of long completions among them', async () => {
    const long = [
      [0, -1, 0, 0],
      [-1, 0, 0, 0],
      [0, 0, 0, -0.5],
    ]
    const punished = groups.map((group, s) => ({
      ...group,
      parts: group.parts.map((part, i) => ({ ...part, soft_overlong_punishment: long[s]![i]! })),
    }))
    const config = await configWith(
      'estimator=gdpo',
      'reward_weights=[3, 2]',
      'soft_overlong.enabled=true',
      'soft_overlong.weight=0.5',
    )
    const expected = rewardEstimator('gdpo', std, { parts: [accuracy, format, long], rewardWeights: [3, 2, 0.5] })
    expect(groupAdvantages(config, punished).advantages).toEqual(expected(rewards))
  })

  it('takes REINFORCE++ over tokens or over rollouts, and hands on what is added to a std', async () => {
    const over = (...overrides: ReadonlyArray<string>) => under('estimator=reinforce_plus_plus', ...overrides)
    expect(await over('reinforce_over=rollouts')).toEqual(rewardEstimator('reinforce_plus_plus', std)(rewards))
    expect(await over('std_epsilon=0', 'std_variance_epsilon=1e-2', 'std_floor=0.4', 'ddof=0')).toEqual(
      rewardEstimator(
        'reinforce_plus_plus',
        { epsilon: 0, varianceEpsilon: 1e-2, floor: 0.4, ddof: 0 },
        { lengths },
      )(rewards),
    )
  })

  it("makes Durian of another estimator, of accuracies, and with a bucket's std pulled to the batch's", async () => {
    const samples = groups.map(({ rewards, visualEntropy, confidence }, s) => ({
      rewards,
      entropy: visualEntropy,
      confidence,
      lengths: lengths[s]!,
    }))
    const core = (options: object, given = samples) =>
      durianAdvantages(given, { ...durianDefaults, reasoningGroups: 2, ...options }).advantages
    const durian = (...overrides: ReadonlyArray<string>) => under('durian.reasoning_groups=2', ...overrides)
    expect(await durian('durian.base=rloo')).toEqual(core({ base: 'rloo' }))
    expect(await durian('durian.shrinkage=3')).toEqual(core({ spread: shrunkSpread(3) }))
    expect(await durian('durian.shrinkage=3')).not.toEqual(core({}))
    const byAccuracy = samples.map((sample, s) => ({ ...sample, confidence: [0.5, 0.25, 1][s]! }))
    expect(await durian('durian.difficulty=accuracy')).toEqual(core({}, byAccuracy))
    expect(core({}, byAccuracy)).not.toEqual(core({}))
  })

  it('computes on rewards that a penalty was taken from, and under other estimators on the same', async () => {
    const config = await configWith('estimator=rloo')
    const less = rewards.map((group) => group.map((reward, i) => reward - 0.01 * i))
    const { advantages, under } = groupAdvantages(config, groups, { rewards: less })
    expect(advantages).toEqual(rewardEstimator('rloo', std)(less))
    expect(under('grpo')).toEqual(rewardEstimator('grpo', std)(less))
    expect(under('rloo')).toBe(advantages)
  })
})

describe('the memory of a step', () => {
  it('moves the bucket edges by what the window remembers, and forgets what is older', async () => {
    const config = await configWith('durian.window=1', 'durian.reasoning_groups=2')
    const { durian } = groupAdvantages(config, groups)
    const step = { durian, kl: null, rollouts: 12 }
    const memory = nextMemory(config, nextMemory(config, noMemory(config), step), step)
    expect(memory).toEqual({ klCoefficient: 0, perceptual: [[1, 2, 3]], reasoning: [[-1, -6, -11]] })
    const far = { ...memory, reasoning: [[-90, -80, -70]] }
    expect(groupAdvantages(config, groups, { memory: far }).durian.reasoning.edges).not.toEqual(durian.reasoning.edges)
    expect(groupAdvantages(config, groups, { memory: far }).durian.reasoning.buckets).toEqual([1, 1, 1])
  })

  it('is nothing without a window and a target', async () => {
    const config = await configWith('beta=0.1')
    const { durian } = groupAdvantages(config, groups)
    const memory = nextMemory(config, noMemory(config), { durian, kl: 3, rollouts: 12 })
    expect(memory).toEqual({ klCoefficient: 0.1, perceptual: [], reasoning: [] })
    expect(durianOptions(config, memory).bucketers).toBeUndefined()
  })

  it('raises the coefficient by a fifth at most times rollouts over the horizon where the divergence is too large', async () => {
    const config = await configWith('beta=0.1', 'kl.target=0.1', 'kl.horizon=100')
    const { durian } = groupAdvantages(config, groups)
    const after = (kl: number) => nextMemory(config, noMemory(config), { durian, kl, rollouts: 10 }).klCoefficient
    expect(after(5)).toBeCloseTo(0.1 * 1.02, 15)
    expect(after(0)).toBeCloseTo(0.1 * 0.98, 15)
    expect(after(0.11)).toBeCloseTo(0.1 * 1.01, 15)
  })
})

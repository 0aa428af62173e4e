import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { batchStd, perPromptStd } from './advantage.ts'
import { confidence } from './confidence.ts'
import { durianAdvantages, durianDefaults, type DurianOptions, type Sample } from './durian.ts'
import { estimator } from './select.ts'
import { visualEntropy } from './visualEntropy.ts'

const seed = 25
const reward = fc.integer({ min: -64, max: 64 }).map((i) => i / 64)
const sample: fc.Arbitrary<Sample> = fc.record({
  rewards: fc.array(fc.option(reward, { freq: 8 }), { minLength: 1, maxLength: 8 }),
  entropy: fc.option(fc.double({ min: 0, max: 8, noNaN: true })),
  confidence: fc.option(fc.double({ min: -50, max: 0, noNaN: true })),
})
const batch = fc.array(sample, { minLength: 1, maxLength: 12 })
const rewardsOf = (samples: ReadonlyArray<Sample>) => samples.map((one) => one.rewards)

interface ReferenceCase {
  readonly name: string
  readonly weights: DurianOptions['weights']
  readonly groups: number
  readonly confidence: 'sum' | 'mean'
  readonly rows: ReadonlyArray<{
    readonly rewards: ReadonlyArray<number>
    readonly logprobs: ReadonlyArray<ReadonlyArray<number>>
    readonly entropy?: number
    readonly features?: ReadonlyArray<ReadonlyArray<number>>
  }>
  readonly expected: ReadonlyArray<{
    readonly advantages: ReadonlyArray<number>
    readonly components: Readonly<Record<'grpo' | 'perceptual' | 'reasoning', ReadonlyArray<number>>>
    readonly perceptual: { readonly entropy: number; readonly bucket: number; readonly std: number }
    readonly reasoning: { readonly confidence: number; readonly bucket: number; readonly std: number }
  }>
}

const reference = JSON.parse(
  readFileSync(new URL('../../goldens/durian_reference.json', import.meta.url), 'utf8'),
) as ReadonlyArray<ReferenceCase>

/** Largest difference over two lists of one length. */
const apart = (actual: ReadonlyArray<number | null>, expected: ReadonlyArray<number>): number => {
  expect(actual).toHaveLength(expected.length)
  return Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value)))
}

describe('durianAdvantages', () => {
  it.each(reference.map((one) => [one.name, one] as const))(
    'golden: agrees with the NumPy reference on %s to 1e-9',
    (_, one) => {
      const samples = one.rows.map(({ rewards, logprobs, entropy, features }) => ({
        rewards,
        entropy:
          entropy ?? visualEntropy({ rows: features!.length, cols: features![0]!.length, data: features!.flat() }),
        confidence: confidence(logprobs, one.confidence === 'sum' ? 'sequence-sum' : 'token-mean'),
      }))
      const found = durianAdvantages(samples, { ...durianDefaults, weights: one.weights, reasoningGroups: one.groups })
      one.expected.forEach((expected, s) => {
        expect(apart(found.advantages[s]!, expected.advantages)).toBeLessThan(1e-9)
        for (const name of ['grpo', 'perceptual', 'reasoning'] as const)
          expect(apart(found.components[name][s]!, expected.components[name])).toBeLessThan(1e-9)
        expect(found.perceptual.buckets[s]).toBe(expected.perceptual.bucket)
        expect(found.reasoning.buckets[s]).toBe(expected.reasoning.bucket)
        expect(
          apart(
            [
              found.perceptual.scores[s]!,
              found.perceptual.stds[s]!,
              found.reasoning.scores[s]!,
              found.reasoning.stds[s]!,
            ],
            [
              expected.perceptual.entropy,
              expected.perceptual.std,
              expected.reasoning.confidence,
              expected.reasoning.std,
            ],
          ),
        ).toBeLessThan(1e-9)
      })
    },
  )

  it('golden: differs from the reference on purpose on solved prompts: std and advantage exactly 0', () => {
    const solved = reference.find((one) => one.name.startsWith('all_solved'))!
    const samples = solved.rows.map((row) => ({ rewards: row.rewards, entropy: row.entropy!, confidence: -1 }))
    const found = durianAdvantages(samples, durianDefaults)
    for (const one of found.advantages) for (const advantage of one) expect(advantage === 0).toBe(true)
    expect(found.perceptual.stds.every((std) => std === 0)).toBe(true)
  })

  it('property: weights (1, 0, 0) are GRPO', () => {
    fc.assert(
      fc.property(batch, (samples) => {
        const found = durianAdvantages(samples, { ...durianDefaults, weights: [1, 0, 0] })
        expect(found.advantages).toEqual(perPromptStd(durianDefaults)(rewardsOf(samples)))
        expect(found.components.grpo).toEqual(found.advantages)
      }),
      { seed },
    )
  })

  it('property: one confidence group (b = 1) is the batch std', () => {
    fc.assert(
      fc.property(batch, (samples) => {
        const known = samples.map((one) => ({ ...one, confidence: one.confidence ?? -1 }))
        const found = durianAdvantages(known, { ...durianDefaults, weights: [0, 0, 1], reasoningGroups: 1 })
        expect(found.components.reasoning).toEqual(batchStd(durianDefaults)(rewardsOf(known)))
      }),
      { seed },
    )
  })

  it('property: the sum is the weighted sum of its components', () => {
    fc.assert(
      fc.property(batch, (samples) => {
        const { advantages, components } = durianAdvantages(samples, durianDefaults)
        advantages.forEach((one, s) =>
          one.forEach((advantage, i) => {
            if (advantage === null) return
            const [a, b, c] = [components.grpo, components.perceptual, components.reasoning].map((x) => x[s]![i]!)
            expect(advantage).toBeCloseTo(0.1 * a! + 0.2 * b! + 0.7 * c!, 9)
          }),
        )
      }),
      { seed },
    )
  })

  it('property: a sample without a score falls back to its own GRPO advantage and moves no edge', () => {
    fc.assert(
      fc.property(batch, sample, (samples, extra) => {
        const blind = { ...extra, entropy: null, confidence: null }
        const found = durianAdvantages([...samples, blind], durianDefaults)
        const alone = durianAdvantages(samples, durianDefaults)
        const last = samples.length
        expect(found.components.perceptual[last]).toEqual(found.components.grpo[last])
        expect(found.components.reasoning[last]).toEqual(found.components.grpo[last])
        expect(found.perceptual.buckets[last]).toBeNull()
        expect(found.perceptual.edges).toEqual(alone.perceptual.edges)
        expect(found.reasoning.edges).toEqual(alone.reasoning.edges)
        expect(found.advantages.slice(0, last)).toEqual(alone.advantages)
      }),
      { seed },
    )
  })

  it('property: equal entropies and equal confidences reduce both components to the batch std', () => {
    fc.assert(
      fc.property(batch, (samples) => {
        const equal = samples.map((one) => ({ ...one, entropy: 2, confidence: -3 }))
        const found = durianAdvantages(equal, durianDefaults)
        const shared = batchStd(durianDefaults)(rewardsOf(samples))
        expect(found.components.perceptual).toEqual(shared)
        expect(found.components.reasoning).toEqual(shared)
        const scoredBuckets = found.perceptual.buckets.filter((bucket) => bucket !== null)
        expect(new Set(scoredBuckets).size).toBeLessThanOrEqual(1)
      }),
      { seed },
    )
  })

  it('a group without any reward has no bucket, std 0, null advantages, and moves no edge', () => {
    const samples = [
      { rewards: [1, 0], entropy: 1, confidence: -1 },
      { rewards: [null, null], entropy: 100, confidence: -100 },
    ]
    const found = durianAdvantages(samples, durianDefaults)
    expect(found.advantages[1]).toEqual([null, null])
    expect(found.perceptual.buckets).toEqual([0, null])
    expect(found.perceptual.edges).toEqual([1, 1])
    expect(found.perceptual.stds[1]).toBe(0)
    expect(found.perceptual.scores[1]).toBe(100)
  })

  it('a sample without a score between two others takes no bucket from them', () => {
    const samples = [1, null, 3].map((entropy) => ({ rewards: [1, 0], entropy, confidence: entropy }))
    const { perceptual, reasoning } = durianAdvantages(samples, { ...durianDefaults, reasoningGroups: 2 })
    expect(perceptual.buckets).toEqual([0, null, 2])
    expect(reasoning.buckets).toEqual([0, null, 1])
  })

  it('is empty for an empty batch', () => {
    expect(durianAdvantages([], durianDefaults).advantages).toEqual([])
  })
})

describe('estimator', () => {
  it('carries difficulties for durian and only its own component for the others', () => {
    const samples = [{ rewards: [1, 0], entropy: 1, confidence: -1 }]
    expect(estimator('durian', durianDefaults)(samples)).toEqual(durianAdvantages(samples, durianDefaults))
    const advantages = perPromptStd(durianDefaults)([[1, 0]])
    expect(estimator('grpo', durianDefaults)(samples)).toEqual({
      advantages,
      components: { grpo: advantages },
      perceptual: null,
      reasoning: null,
    })
  })
})

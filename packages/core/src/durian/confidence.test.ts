import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { confidence, rolloutConfidence } from './confidence.ts'

describe('confidence', () => {
  it('sums or averages a rollout, then averages rollouts', () => {
    const rollouts = [
      [-1, -2],
      [-3, -3, -3, -3],
    ]
    expect(rolloutConfidence(rollouts[0]!, 'sequence-sum')).toBe(-3)
    expect(confidence(rollouts, 'sequence-sum')).toBe(-7.5)
    expect(confidence(rollouts, 'token-mean')).toBe(-2.25)
  })

  it('refuses a rollout without tokens and a prompt without rollouts', () => {
    expect(() => rolloutConfidence([], 'sequence-sum')).toThrow('a rollout without tokens')
    expect(() => confidence([], 'token-mean')).toThrow('a prompt without rollouts')
  })

  it('property: the token mean ignores repetition, the sum grows with it', () => {
    const logprobs = fc.array(
      fc.integer({ min: -64, max: -1 }).map((i) => i / 16),
      { minLength: 1, maxLength: 20 },
    )
    fc.assert(
      fc.property(logprobs, (x) => {
        const twice = [...x, ...x]
        expect(rolloutConfidence(twice, 'token-mean')).toBeCloseTo(rolloutConfidence(x, 'token-mean'), 12)
        expect(rolloutConfidence(twice, 'sequence-sum')).toBe(2 * rolloutConfidence(x, 'sequence-sum'))
      }),
      { seed: 22 },
    )
  })
})

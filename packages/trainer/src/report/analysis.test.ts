import { durianDefaults, groupKinds, type Sample } from '@durian/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse, compared, totals, withGradient } from './analysis.ts'
import type { StepBatch } from './stepBatch.ts'

const batch = (step: number, groups: ReadonlyArray<ReadonlyArray<number>>): StepBatch => ({
  step,
  samples: groups.map((rewards, s): Sample => ({ rewards, entropy: s, confidence: -s })),
  right: groups.map((rewards) => rewards.map((reward) => reward > 0.5)),
})
const analysed = analyse(durianDefaults)

describe('analyse', () => {
  it("shows the paper's disease: with one std each, the 7:1 group pulls nearly as hard as the 4:4 group", () => {
    const { counts, estimators, zeroVariance } = analysed(
      batch(1, [
        [1, 1, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1, 1, 1],
      ]),
    )
    expect(counts).toMatchObject({ one_wrong: 1, mixed: 1, all_right: 1 })
    expect(zeroVariance).toBeCloseTo(1 / 3, 12)
    // sum |r - mean| is 7/8 * 2 = 1.75 against 4, and GRPO divides by sqrt(1/8) against sqrt(2/7).
    const pull = 1.75 / Math.sqrt(1 / 8)
    const even = 4 / Math.sqrt(2 / 7)
    expect(estimators.grpo.mass.one_wrong).toBeCloseTo(pull / (pull + even), 5)
    expect(estimators.dr_grpo.mass.one_wrong).toBeCloseTo(1.75 / 5.75, 12)
    expect(estimators.batch.mass.one_wrong).toBeCloseTo(1.75 / 5.75, 5)
  })

  it('property: kinds add up to the prompts, and masses to 1 or 0', () => {
    const group = fc.array(fc.constantFrom(0, 0.1, 0.9, 1), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 12 }), (groups) => {
        const step = analysed(batch(1, groups))
        expect(groupKinds.reduce((total, kind) => total + step.counts[kind], 0)).toBe(groups.length)
        for (const name of compared) {
          const mass = groupKinds.reduce((total, kind) => total + step.estimators[name].mass[kind], 0)
          expect(mass).toBeCloseTo(withGradient(step) === 0 ? 0 : mass === 0 ? 0 : 1, 9)
        }
      }),
      { seed: 8, numRuns: 150 },
    )
  })
})

describe('totals', () => {
  it('adds counts over steps, and averages masses over the steps that moved', () => {
    const still = analysed(
      batch(1, [
        [1, 1],
        [0, 0],
      ]),
    )
    const moving = analysed(
      batch(2, [
        [1, 0],
        [1, 1],
      ]),
    )
    const all = totals([still, moving])
    expect(all).toMatchObject({ groups: 4, withGradient: 1 })
    expect(all.counts).toMatchObject({ all_right: 2, all_wrong: 1, mixed: 1 })
    expect(all.mass.grpo.mixed).toBe(1)
    expect(totals([still]).mass.grpo.mixed).toBe(0)
  })
})

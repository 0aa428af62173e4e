import { describe, expect, it } from 'vitest'
import { agreement, type FreeRun, type Tested } from './freeRunning.ts'

const tested = (accuracy: number, half: number, correct: ReadonlyArray<number> = [1, 0]): Tested => ({
  accuracy,
  interval: [accuracy - half, accuracy + half],
  correct,
})
const run = (changed: Partial<FreeRun> = {}): FreeRun => ({
  before: tested(0.3, 0.05),
  after: tested(0.5, 0.05),
  rewards: [0.1, 0.2, 0.3],
  seconds: 1,
  ...changed,
})

describe('agreement', () => {
  it('is whole between equal runs', () => {
    expect(agreement(run(), run())).toEqual({ before: true, after: true, answeredAlike: 1, firstDifferentStep: null })
  })

  it('names the first step whose rewards differ and the share of rows that are answered alike', () => {
    const other = run({ rewards: [0.1, 0.25, 0.3], after: tested(0.5, 0.05, [1, 1]) })
    expect(agreement(run(), other)).toMatchObject({ firstDifferentStep: 2, answeredAlike: 0.5 })
  })

  it('asks that each accuracy lies in the other’s interval', () => {
    expect(agreement(run(), run({ after: tested(0.54, 0.05) })).after).toBe(true)
    expect(agreement(run(), run({ after: tested(0.56, 0.07) })).after).toBe(false)
    expect(agreement(run({ before: tested(0.36, 0.07) }), run()).before).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import { learningRateSchedule, type ScheduleOptions } from './schedule.ts'

const rates = (options: Omit<ScheduleOptions, 'learningRate'>, steps: ReadonlyArray<number>) => {
  const schedule = learningRateSchedule({ ...options, learningRate: 2 })
  return steps.map(schedule)
}

describe('learningRateSchedule', () => {
  it('climbs from zero over the warm-up and then stays', () => {
    expect(rates({ kind: 'constant', warmupSteps: 4, totalSteps: 10 }, [0, 1, 3, 4, 99])).toEqual([0, 0.5, 1.5, 2, 2])
  })

  it('starts at the full rate without a warm-up', () => {
    for (const kind of ['constant', 'linear', 'cosine'] as const) {
      expect(rates({ kind, warmupSteps: 0, totalSteps: 10 }, [0])).toEqual([2])
    }
  })

  it('falls in a line to zero at the last step and stays there', () => {
    expect(rates({ kind: 'linear', warmupSteps: 2, totalSteps: 10 }, [2, 6, 10, 11])).toEqual([2, 1, 0, 0])
  })

  it('falls along half a cosine', () => {
    const [start, quarter, middle, end] = rates({ kind: 'cosine', warmupSteps: 2, totalSteps: 10 }, [2, 4, 6, 10])
    expect([start, end]).toEqual([2, 0])
    expect(quarter).toBeCloseTo(1 + Math.SQRT1_2, 14)
    expect(middle).toBeCloseTo(1, 14)
  })
})

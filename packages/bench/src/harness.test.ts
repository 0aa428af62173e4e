import { describe, expect, it } from 'vitest'
import { type Case, timed } from './harness.ts'
import { spreadOf } from './stats.ts'

/** A clock that work moves forward. */
const clock = () => {
  let time = 0
  return { now: () => time, pass: (ms: number) => void (time += ms) }
}

describe('the harness', () => {
  it('takes samples of all subjects in turns, after two runs of each to warm up', async () => {
    const order: string[] = []
    const { now, pass } = clock()
    const subject = (by: string, ms: number) => ({ by, once: () => (order.push(by), pass(ms)) })
    const one: Case = { suite: 's', name: 'n', size: '1', subjects: [subject('a', 10), subject('b', 20)] }
    const result = await timed(one, { rounds: 3, sampleMs: 1, now })
    expect(order.join('')).toBe('aabb' + 'ababab')
    expect(result.timings.map(({ by, median }) => [by, median])).toEqual([
      ['a', 10],
      ['b', 20],
    ])
    expect(result.ratios).toEqual({ b: 0.5 })
    expect(result.fastestRatios).toEqual({ b: result.timings[0].min / result.timings[1]!.min })
  })

  it('repeats short work until a sample is long enough, and reports the time of one run', async () => {
    const { now, pass } = clock()
    const one: Case = { suite: 's', name: 'n', size: '1', subjects: [{ by: 'a', once: () => pass(2) }] }
    const { timings } = await timed(one, { rounds: 1, sampleMs: 20, now })
    expect(timings[0]).toMatchObject({ repeats: 10, samples: 1, median: 2 })
  })

  it("believes a subject's own clock, so that talking to another process is not timed", async () => {
    const { now, pass } = clock()
    const slowTalk = () => (pass(1000), 5)
    const one: Case = { suite: 's', name: 'n', size: '1', subjects: [{ by: 'a', once: slowTalk }] }
    expect((await timed(one, { rounds: 3, sampleMs: 1, now })).timings[0].median).toBe(5)
  })

  it('waits for asynchronous work inside the timed part', async () => {
    const { now, pass } = clock()
    const drained = async () => {
      await Promise.resolve()
      pass(7)
    }
    const one: Case = { suite: 's', name: 'n', size: '1', subjects: [{ by: 'a', once: drained }] }
    expect((await timed(one, { rounds: 2, sampleMs: 1, now })).timings[0].median).toBe(7)
  })

  it('gives work per second at the median, counted after the runs', async () => {
    const { now, pass } = clock()
    let drawn = 0
    const once = () => {
      pass(50)
      drawn = 200
    }
    const work = { count: () => drawn, unit: 'tokens' }
    const one: Case = { suite: 's', name: 'n', size: '1', subjects: [{ by: 'a', once }], work }
    expect((await timed(one, { rounds: 1, sampleMs: 1, now })).rate).toEqual({ value: 4000, unit: 'tokens/s' })
  })

  it('closes what a case holds when a run fails', async () => {
    let closed = false
    const fails = () => {
      throw new Error('no device')
    }
    const one: Case = {
      suite: 's',
      name: 'n',
      size: '1',
      subjects: [{ by: 'a', once: fails }],
      close: () => void (closed = true),
    }
    await expect(timed(one, { rounds: 1, sampleMs: 1 })).rejects.toThrow('no device')
    expect(closed).toBe(true)
  })
})

describe('the spread of samples', () => {
  it('is median, quartiles and minimum', () => {
    expect(spreadOf([5, 1, 2, 4, 3])).toEqual({ median: 3, low: 2, high: 4, min: 1 })
  })

  it('does not let one slow sample move the median', () => {
    expect(spreadOf([1, 1, 1, 1, 1000]).median).toBe(1)
  })

  it('does not exist without samples', () => {
    expect(() => spreadOf([])).toThrow(RangeError)
  })
})

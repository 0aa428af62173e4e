import { describe, expect, it } from 'vitest'
import { payGauge } from './gauge.ts'

/** The next jobs of a run; the gauge's answers. Alone a job of 4 chunks takes 4 ms; shared it takes `sharedMs`, half of its chunks here. */
const answers = (gauge: ReturnType<typeof payGauge>, jobs: number, sharedMs: number): ReadonlyArray<boolean> =>
  Array.from({ length: jobs }, () => {
    const shared = gauge.pays()
    if (shared) gauge.note({ chunks: 4, own: 2, ownMs: 2, ms: sharedMs })
    return shared
  })
const count = (all: ReadonlyArray<boolean>): number => all.filter((shared) => shared).length

describe('whether threads pay', () => {
  it('shares on while they do', () => {
    expect(count(answers(payGauge(), 5000, 3.5))).toBe(5000)
  })

  it('pauses when they do not, longer each time, and tries again', () => {
    const gauge = payGauge()
    expect(count(answers(gauge, 16, 3.7))).toBe(16)
    expect(count(answers(gauge, 64, 9))).toBe(0)
    expect(count(answers(gauge, 16, 9))).toBe(16)
    expect(count(answers(gauge, 128, 9))).toBe(0)
    expect(count(answers(gauge, 20_000, 9))).toBeLessThan(400)
  })

  it('is back at once when they pay again', () => {
    const gauge = payGauge()
    answers(gauge, 16, 9)
    answers(gauge, 64, 9)
    expect(count(answers(gauge, 3000, 2.1))).toBe(3000)
    // and the next pause is a short one
    answers(gauge, 16 - (3000 % 16), 9)
    const pause = answers(gauge, 200, 9)
    expect(pause.indexOf(true, pause.indexOf(false))).toBeLessThan(100)
  })
})

import { describe, expect, it } from 'vitest'
import { claim, controlBytes, controlOf, HEAD, jobOf, MOST_CHUNKS, publish, word } from './control.ts'

const fresh = () => controlOf(new SharedArrayBuffer(controlBytes))
const job = (chunks: number) => [0, chunks, 0]

describe('the block of the threads', () => {
  it('gives out each chunk of a job once, and none of a job before or after', () => {
    const control = fresh()
    const first = publish(control, 0, job(2))
    expect([claim(control, first, 2), claim(control, first, 2), claim(control, first, 2)]).toEqual([0, 1, undefined])
    const second = publish(control, first, job(MOST_CHUNKS))
    expect(claim(control, first, 2)).toBeUndefined()
    expect(claim(control, second + 2, 9)).toBeUndefined()
    expect(Array.from({ length: MOST_CHUNKS }, () => claim(control, second, MOST_CHUNKS)).at(-1)).toBe(MOST_CHUNKS - 1)
    expect(claim(control, second, MOST_CHUNKS)).toBeUndefined()
  })

  it('lets nobody claim while a job is written: neither by the number before, nor by the one seen meanwhile', () => {
    const control = fresh()
    const first = publish(control, 0, job(2))
    const claims: Array<number | undefined> = []
    // a list whose first reading happens in the middle of the writing
    const spying = Object.defineProperty([0, 0, 0], 1, {
      get: () => {
        const seen = jobOf(Atomics.load(control.words, word.ticket))
        claims.push(claim(control, first, MOST_CHUNKS), claim(control, seen, MOST_CHUNKS))
        return 3
      },
    })
    const second = publish(control, first, spying)
    expect(claims).toEqual([undefined, undefined])
    expect(second % 2).toBe(0)
    expect(claim(control, second, 3)).toBe(0)
  })

  it('counts on after the last number', () => {
    const control = fresh()
    const last = publish(control, 0xfffffc, job(1))
    expect(jobOf(Atomics.load(control.words, word.ticket))).toBe(last)
    const next = publish(control, last, job(1))
    expect(next).toBe(0)
    expect(claim(control, next, 1)).toBe(0)
  })

  it('holds the longest job', () => {
    const control = fresh()
    expect(() => publish(control, 0, [...job(1), ...new Array<number>(32).fill(1)])).not.toThrow()
    expect(control.job.length).toBe(HEAD + 32)
  })
})

import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { duration } from '../run/duration.ts'
import { startProgress, stopProgress } from './progress.ts'
import { textTable } from './textTable.ts'

const sink = (): { readonly stream: NodeJS.WriteStream; readonly text: () => string } => {
  let text = ''
  const stream = { isTTY: false, write: (chunk: string) => ((text += chunk), true) } as unknown as NodeJS.WriteStream
  return { stream, text: () => text }
}

describe('startProgress', () => {
  it('writes plain lines now and then where there is no terminal, and always the last', () => {
    const { stream, text } = sink()
    let now = 0
    const progress = startProgress({ label: 'steps', total: 10, stream, everyMs: 5000, clock: () => now })
    for (let step = 1; step <= 10; step++) {
      now = step * 1000
      progress.update(step, `loss ${step}`)
      if (step === 3) progress.line('saved')
    }
    progress.stop()
    expect(text()).toBe('saved\n5/10 steps, 5 s left, loss 5\n10/10 steps, 0 s left, loss 10\n')
  })

  it('reckons the time left from the steps of this process alone', () => {
    const { stream, text } = sink()
    let now = 0
    const progress = startProgress({ label: 'steps', total: 60, done: 40, stream, everyMs: 0, clock: () => now })
    now = 20_000
    progress.update(42)
    expect(text()).toBe('42/60 steps, 3 min 00 s left\n')
  })
})

describe('startProgress after the first unit', () => {
  it('takes no pace from a unit that it has not timed', () => {
    const { stream, text } = sink()
    let now = 0
    const progress = startProgress({ label: 'steps', total: 12, stream, everyMs: 0, clock: () => now })
    progress.update(1, 'a')
    now = 3000
    progress.update(2, 'b')
    expect(text()).toBe('1/12 steps, a\n2/12 steps, 30 s left, b\n')
  })
})

describe('a bar on a terminal', () => {
  it('is stopped with its command: a bar left running would keep the process alive', () => {
    const text: string[] = []
    const write = (chunk: string) => (text.push(chunk), true)
    const stream = Object.assign(new EventEmitter(), { isTTY: true, columns: 80, write, cursorTo: () => true })
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    startProgress({ label: 'steps', total: 3, stream: stream as unknown as NodeJS.WriteStream }).update(1)
    expect(timers()).toBeGreaterThan(before)
    stopProgress()
    expect(timers()).toBe(before)
  })
})

describe('duration', () => {
  it('reads as people say it', () => {
    expect([0.4, 59.6, 61, 3600, 7265].map(duration)).toEqual([
      '0 s',
      '1 min 00 s',
      '1 min 01 s',
      '1 h 00 min',
      '2 h 01 min',
    ])
  })
})

describe('textTable', () => {
  it('sets words left and numbers right', () => {
    expect(
      textTable([
        ['', 'n'],
        ['a', 10],
        ['bcd', 7],
      ]),
    ).toBe('      n\na    10\nbcd   7')
  })
})

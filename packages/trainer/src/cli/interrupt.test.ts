import { afterEach, describe, expect, it, vi } from 'vitest'
import { watched } from './interrupt.ts'

/** Sends signals `at` these ms while work runs; what the process was told to end with, and whether the work was asked to stop. */
const signalled = async (at: ReadonlyArray<number>) => {
  const now = vi.spyOn(performance, 'now')
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as never)
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const asked = await watched((interrupted) => {
    for (const ms of at) {
      now.mockReturnValue(ms)
      process.emit('SIGINT')
    }
    return Promise.resolve(interrupted())
  })
  return { asked, exits: exit.mock.calls.map(([code]) => code) }
}

afterEach(() => vi.restoreAllMocks())

describe('Ctrl-C', () => {
  it('asks the work to stop the first time, and ends the process with 130 the second time', async () => {
    expect(await signalled([])).toEqual({ asked: false, exits: [] })
    expect(await signalled([1000])).toEqual({ asked: true, exits: [] })
    expect(await signalled([1000, 3000])).toEqual({ asked: true, exits: [130] })
  })

  it('counts once when terminal and npm both deliver it', async () => {
    expect(await signalled([1000, 1005])).toEqual({ asked: true, exits: [] })
  })

  it('leaves no listener behind', async () => {
    const before = process.listenerCount('SIGINT')
    await signalled([1000])
    expect(process.listenerCount('SIGINT')).toBe(before)
  })
})

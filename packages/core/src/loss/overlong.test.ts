import { describe, expect, it } from 'vitest'
import { softOverlongPunishment } from './overlong.ts'

describe('softOverlongPunishment', () => {
  it('is 0 up to the cache, falls to -1 at the limit, and stays there', () => {
    const at = (length: number) => softOverlongPunishment(length, { maxCompletionLength: 20, softPunishCache: 4 })
    expect([1, 16, 17, 18, 20, 21, 99].map(at)).toEqual([0, 0, -0.25, -0.5, -1, -1, -1])
  })
})

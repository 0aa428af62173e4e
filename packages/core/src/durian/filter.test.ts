import { describe, expect, it } from 'vitest'
import { noRounds, resampled, spreadCounts, spreadVerdict } from './filter.ts'

describe('spreadVerdict', () => {
  it('tests the rewards and not their mean: 0.1 throughout and 0.9 throughout are constant, seven times 0.9 too', () => {
    expect(spreadVerdict([0.1, 0.1])).toBe('constant')
    expect(spreadVerdict(new Array<number>(7).fill(0.9))).toBe('constant')
    expect(spreadVerdict([0.9, 0.9, 0.8999999])).toBe('kept')
    expect(spreadVerdict([1])).toBe('constant')
    expect(spreadVerdict([null, 1, 0])).toBe('kept')
    expect(spreadVerdict([null])).toBe('unscored')
    expect(spreadCounts([[1, 0], [1, 1], [null], [0, 0]])).toEqual({ kept: 1, constant: 2, unscored: 1 })
  })
})

describe('resampled', () => {
  const round = (...names: ReadonlyArray<string>) =>
    names.map((group) => ({ group, rewards: group.startsWith('flat') ? [1, 1] : [1, 0] }))
  const step = resampled<string>({ wanted: 3, maxRounds: 3 })

  it('draws again for what is missing and trains on the first that have spread', () => {
    const first = step(noRounds, round('a', 'flat', 'b'))
    expect(first).toEqual({
      _tag: 'Draw',
      missing: 1,
      state: { accepted: ['a', 'b'], rounds: 1, counts: { kept: 2, constant: 1, unscored: 0 } },
    })
    if (first._tag !== 'Draw') return
    expect(step(first.state, round('c', 'd'))).toEqual({
      _tag: 'Train',
      groups: ['a', 'b', 'c'],
      short: false,
      counts: { kept: 4, constant: 1, unscored: 0 },
    })
  })

  it('does not throw when the rounds run out: it trains on what there is, and says so', () => {
    const short = resampled<string>({ wanted: 3, maxRounds: 2 })
    const first = short(noRounds, round('flat1', 'a'))
    if (first._tag !== 'Draw') throw new Error('one round is left')
    expect(short(first.state, round('flat2'))).toMatchObject({ _tag: 'Train', groups: ['a'], short: true })
    expect(resampled<string>({ wanted: 1, maxRounds: 1 })(noRounds, round('flat'))).toMatchObject({
      groups: [],
      short: true,
    })
  })
})

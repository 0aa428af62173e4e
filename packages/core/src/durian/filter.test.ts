import { describe, expect, it } from 'vitest'
import { meanVerdict, noRounds, resampled, spreadCounts, spreadVerdict } from './filter.ts'

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

describe('meanVerdict', () => {
  it("is EasyR1's rule: strictly between the bounds, constant or not", () => {
    const verdict = meanVerdict({ low: 0.01, high: 0.99 })
    expect(verdict([0.1, 0.1])).toBe('kept')
    expect(verdict([1, null, 1])).toBe('outside')
    expect(verdict([0, 0, null])).toBe('outside')
    expect(verdict([null])).toBe('unscored')
    expect(meanVerdict({ low: 0.5, high: 1 })([0, 1])).toBe('outside')
    expect(meanVerdict({ low: 0, high: 0.5 })([0, 1])).toBe('outside')
  })

  it('takes the place of the spread, and its drops are counted as outside', () => {
    const step = resampled<string>({ wanted: 1, maxRounds: 2, verdict: meanVerdict({ low: 0.01, high: 0.99 }) })
    const first = step(noRounds, [{ group: 'right', rewards: [1, 1] }])
    expect(first).toMatchObject({ _tag: 'Draw', state: { counts: { kept: 0, constant: 0, unscored: 0, outside: 1 } } })
    if (first._tag !== 'Draw') return
    expect(step(first.state, [{ group: 'unformatted', rewards: [0.9, 0.9] }])).toEqual({
      _tag: 'Train',
      groups: ['unformatted'],
      short: false,
      counts: { kept: 1, constant: 0, unscored: 0, outside: 1 },
    })
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

  it('adds up the groups that no reward judged', () => {
    const unscored = [{ group: 'x', rewards: [null] }]
    const first = step(noRounds, unscored)
    if (first._tag !== 'Draw') throw new Error('two rounds are left')
    expect(step(first.state, unscored)).toMatchObject({ state: { counts: { unscored: 2 } } })
  })

  it('trains when the last round brings just what is missing', () => {
    expect(step(noRounds, round('a', 'b', 'c'))).toMatchObject({ _tag: 'Train', short: false })
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

import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { numberFlag, type NumberRule } from './numberFlag.ts'

const read = (text: string, rule: NumberRule) => {
  const found = numberFlag('rows', text, rule)
  return E.isRight(found) ? found.right : sentence(found.left)
}

describe('numberFlag', () => {
  it('takes what lies in the range, both ends with it', () => {
    expect(read('0', { kind: 'whole', least: 0 })).toBe(0)
    expect(read('1e3', { kind: 'whole', least: 0, most: 1000 })).toBe(1000)
    expect(read('0.5', { kind: 'real', least: 0.5, most: 1 })).toBe(0.5)
  })

  it.each(['', ' ', 'ten', '-1', '1.5', 'NaN', 'Infinity', '9007199254740993'])(
    'refuses %j in one sentence',
    (text) => {
      expect(read(text, { kind: 'whole', least: 0 })).toBe(`--rows takes a whole number of at least 0, not "${text}".`)
    },
  )

  it('names both ends where there are two', () => {
    expect(read('3', { kind: 'real', least: 0, most: 2 })).toBe('--rows takes a number from 0 to 2, not "3".')
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lastBoxed } from './boxed.ts'
import { hasBoxedFormat, hasEasyR1Format, easyR1Cleaned, hasThinkFormat } from './format.ts'
import { answerVerdict, rewardFunctions as functionsOf, type Scored } from './rewards.ts'

const scored = (response: string, answer = '4', length = 10): Scored => ({
  row: { id: 'r', problem: '<image>x?', answer, images: [], extra: {} },
  response,
  length,
})

const good = '<think>1+3=4</think>\\boxed{4}'

const rewardFunctions = functionsOf()

describe('lastBoxed', () => {
  it('takes the last box, braces matched', () => {
    expect(lastBoxed('\\boxed{1} then \\boxed{\\frac{1}{2}}.')).toBe('\\frac{1}{2}')
    expect(lastBoxed('\\boxed{}')).toBe('')
    expect(lastBoxed('no box')).toBeNull()
    expect(lastBoxed('\\boxed{1} \\boxed{2')).toBeNull()
  })
})

describe('boxed_format_reward', () => {
  it.each([
    [good, true],
    [` \n${good}\n`, true],
    ['<think></think>\\boxed{4}', true],
    ['<think>a</think> So it is \\boxed{4}, in words.', true],
    ['<think>a</think>4', false],
    ['<think>a</think>\\boxed{4', false],
    ['<think>\\boxed{4}</think>', false],
    ['a<think>b</think>\\boxed{4}', false],
    ['<think>a\\boxed{4}', false],
    ['<think>a</think></think>\\boxed{4}', false],
    ['<think>a<think></think>\\boxed{4}', false],
    ['\\boxed{4}<think></think>', false],
    ['', false],
  ])('%j: %s', (response, expected) => expect(hasBoxedFormat(response)).toBe(expected))
})

describe('think_format_reward', () => {
  it.each([
    ['<think>a</think>4', true],
    ['<think>a</think>', true],
    ['<think>a</think></think>', true],
    [' <think>a</think>', false],
    ['<think>a', false],
    ['<think>a</think><think>', false],
  ])("keeps TRL's meaning on %j: %s", (response, expected) => expect(hasThinkFormat(response)).toBe(expected))
})

describe("EasyR1's format", () => {
  /** The two expressions of easyr1@b44b311 examples/reward_function/math.py, in JavaScript. */
  const reference = (response: string): boolean =>
    /^<think>[^]*<\/think>[^]*\\boxed\{[^]*\}[^]*$/.test(response.replace(/\s*(<|>|\/)\s*/g, '$1'))

  it("property: is EasyR1's two regular expressions, in one pass", () => {
    const parts = ['<think>', '</think>', '\\boxed{', '}', ' ', '\n', '<', '>', '/', 'a', 'think', '< think >']
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 14 }), (text) => {
        const response = text.join('')
        expect(easyR1Cleaned(response)).toBe(response.replace(/\s*(<|>|\/)\s*/g, '$1'))
        expect(hasEasyR1Format(easyR1Cleaned(response))).toBe(reference(response))
      }),
      { seed: 1, numRuns: 5000, examples: [[['< think >', 'a', ' ', '</think>', '\\boxed{', '4', '}']]] },
    )
  })
})

describe('accuracy_reward and math', () => {
  it('judge the last box against the row', () => {
    expect(answerVerdict(scored(good))).toBe('match')
    expect(rewardFunctions.accuracy_reward!(scored(good))).toBe(1)
    expect(rewardFunctions.accuracy_reward!(scored('\\boxed{4} \\boxed{5}'))).toBe(0)
    expect(rewardFunctions.accuracy_reward!(scored('4'))).toBe(0)
    expect(rewardFunctions.accuracy_reward!(scored(good, ''))).toBeNull()
  })

  it("give EasyR1's four values", () => {
    const math = (response: string) => rewardFunctions.math!(scored(response))
    expect(math(good)).toBe(0.9 + 0.1)
    expect(math('\\boxed{4}')).toBe(0.9)
    expect(math('<think></think>\\boxed{5}')).toBe(0.1)
    expect(math('5')).toBe(0)
    // EasyR1 takes the space out of the tag before it looks.
    expect(math('< think > </ think >\\boxed{4}')).toBe(1)
    expect(rewardFunctions.math!(scored(good, ''))).toBeNull()
  })
})

describe('every built-in reward', () => {
  it('property: rewards are total on any response', () => {
    const parts = fc.constantFrom('<think>', '</think>', '\\boxed{', '}', '{', '4', ' ', '\\frac', '<', '^', '9')
    const response = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(parts).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(response, fc.string(), (text, answer) => {
        for (const reward of Object.values(rewardFunctions)) {
          const value = reward(scored(text, answer))
          expect(value === null || (value >= 0 && value <= 1)).toBe(true)
        }
      }),
      { seed: 4, numRuns: 300 },
    )
  })

  it('takes time in proportion to the length of a hostile response', { timeout: 5_000 }, () => {
    const hostile = [
      `\\boxed{${'{'.repeat(100_000)}`,
      '\\boxed{'.repeat(20_000),
      `<think>${' '.repeat(200_000)}`,
      '< '.repeat(100_000),
      '<think>'.repeat(30_000),
      `<think></think>${'\\boxed{'.repeat(20_000)}}`,
    ]
    for (const response of hostile) {
      expect(rewardFunctions.accuracy_reward!(scored(response))).toBe(0)
      for (const reward of Object.values(rewardFunctions)) expect(reward(scored(response))).not.toBeNaN()
    }
  })
})

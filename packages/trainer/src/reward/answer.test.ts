import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compareAnswers, goldFault, maxAnswerLength, type Verdict } from './answer.ts'

const verdicts: ReadonlyArray<Verdict> = [
  'match',
  'differ',
  'unparseable_answer',
  'unparseable_gold',
  'budget_exceeded',
]

const golden = JSON.parse(readFileSync(new URL('../../goldens/answer_pairs.json', import.meta.url), 'utf8')) as {
  readonly pairs: ReadonlyArray<readonly [string, string, boolean]>
}

/** Text made of what answers are made of, so that most of it gets past the first character. */
const answerLike = fc
  .array(
    fc.constantFrom(
      ...[
        '1',
        '2',
        '9',
        '0',
        '.',
        ',',
        '+',
        '-',
        '*',
        '/',
        '^',
        '(',
        ')',
        '{',
        '}',
        '[',
        ']',
        '$',
        '=',
        ' ',
        'x',
        '°',
        '%',
      ],
      ...['\\frac', '\\sqrt', '\\pi', '\\text{', '\\left', '\\cdot', '\\circ', 'cm', '\\', 'B', '123456789'],
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''))

describe('compareAnswers', () => {
  it.each([
    ['4', '4'],
    ['04', '4'],
    ['4.0', '4'],
    ['+4', '4'],
    ['.5', '\\frac{1}{2}'],
    ['1/2', '\\dfrac12'],
    ['8/2', '4'],
    ['3\\frac{1}{2}', '7/2'],
    ['-3\\frac{1}{2}', '-7/2'],
    ['12 \\sqrt 2', '12\\sqrt{2}'],
    ['\\sqrt{50}', '5\\sqrt{2}'],
    ['\\frac{4}{\\sqrt{2}}', '2\\sqrt{2}'],
    ['2^{1/2}', '\\sqrt{2}'],
    ['2^{-2}', '0.25'],
    ['(2)(3)', '6'],
    ['36 \\pi', '36\\pi'],
    ['1,234', '1234'],
    ['$x = 4$', '4'],
    ['m\\angle ABC = 40^\\circ', '40'],
    ['30^{\\circ}', '30'],
    ['30 degrees', '30°'],
    ['5\\text{ cm}', '5'],
    ['9\\text{ m}^2', '9'],
    ['9 square units', '9'],
    ['50\\%', '50'],
    ['4.', '4'],
    ['−4', '-4'],
    ['\\left( 1,\\, 2 \\right)', '(1, 2)'],
    ['(0.5, 2)', '(\\frac{1}{2}, 2)'],
    ['\\text{B}', 'b'],
    ['Square', ' square '],
  ])('takes %s for %s', (answer, gold) => {
    expect(compareAnswers(answer, gold)).toBe('match')
    expect(compareAnswers(gold, answer)).toBe('match')
  })

  it.each([
    ['5', '4', 'differ'],
    ['-4', '4', 'differ'],
    ['0.333', '1/3', 'differ'],
    ['6.28', '2\\pi', 'differ'],
    ['\\sqrt{2}', '2', 'differ'],
    ['(1,2)', '[1,2]', 'differ'],
    ['(1,2)', '(2,1)', 'differ'],
    ['(1,2)', '(1,2,3)', 'differ'],
    ['B', 'C', 'differ'],
    ['5', 'B', 'differ'],
    ['five', '5', 'unparseable_answer'],
    ['4 5 x', '5', 'unparseable_answer'],
    ['4x', '4', 'unparseable_answer'],
    ['1/0', '0', 'unparseable_answer'],
    ['2+', '2', 'unparseable_answer'],
    ['\\sqrt{-4}', '2', 'unparseable_answer'],
    ['', '4', 'unparseable_answer'],
    ['{4', '4', 'unparseable_answer'],
    [null, '4', 'unparseable_answer'],
    ['4', '', 'unparseable_gold'],
    ['4', '$$', 'unparseable_gold'],
    ['4', '}4{', 'unparseable_gold'],
    ['2^{1000}', '4', 'budget_exceeded'],
    ['9'.repeat(maxAnswerLength + 1), '4', 'budget_exceeded'],
  ] as const)('judges %s against %s: %s', (answer, gold, verdict) => {
    expect(compareAnswers(answer, gold)).toBe(verdict)
  })

  it('golden: agrees with sympy 1.14 on 400 pairs of roots, fractions and pi, both ways round', () => {
    expect(golden.pairs).toHaveLength(400)
    for (const [a, b, equal] of golden.pairs) {
      const seen = [compareAnswers(a, b), compareAnswers(b, a)]
      expect({ a, b, seen }).toEqual({ a, b, seen: equal ? ['match', 'match'] : ['differ', 'differ'] })
    }
  })

  it('property: gives a verdict on any text, and never throws', () => {
    const text = fc.oneof(answerLike, fc.string({ unit: 'binary', maxLength: 310 }))
    fc.assert(
      fc.property(fc.option(text), text, (answer, gold) => {
        expect(verdicts).toContain(compareAnswers(answer, gold))
      }),
      { seed: 1, numRuns: 1000 },
    )
  })

  it('property: an answer that can be compared matches itself', () => {
    fc.assert(
      fc.property(answerLike, (text) => {
        expect(compareAnswers(text, text)).toBe(goldFault(text) === null ? 'match' : 'unparseable_gold')
      }),
      { seed: 2, numRuns: 1000 },
    )
  })

  it('property: equal fractions match however they are written', () => {
    const whole = fc.integer({ min: 1, max: 10 ** 6 })
    fc.assert(
      fc.property(fc.integer({ min: -(10 ** 6), max: 10 ** 6 }), whole, whole, (a, b, factor) => {
        expect(compareAnswers(`\\frac{${a * factor}}{${b * factor}}`, `${a}/${b}`)).toBe('match')
        expect(compareAnswers(`${a}/${b}`, `${a + 1}/${b}`)).toBe('differ')
      }),
      { seed: 3 },
    )
  })

  // The slowest takes about 20 ms; without the bounds some of these would not end.
  it('decides hostile answers at once', { timeout: 5_000 }, () => {
    const sums = '((1+\\sqrt2)(1+\\sqrt3)(1+\\sqrt5)/7)^{32}+((1+\\sqrt2)(1+\\sqrt3)(1+\\sqrt5)/11)^{32}'
    const hostile = [
      '{'.repeat(150) + '}'.repeat(150),
      `${'('.repeat(149)}1${')'.repeat(149)}`,
      '9'.repeat(maxAnswerLength),
      '10^{999999999999}',
      '((((9^{32})^{32})^{32})^{32})^{32}',
      '9^{9^{9^{9}}}',
      sums,
      '\\sqrt{999999937}'.repeat(18),
      `${'-'.repeat(299)}1`,
      '\\frac'.repeat(60),
      '\\text{'.repeat(50),
      '1,'.repeat(150),
      `${' '.repeat(299)}1`,
      '{'.repeat(10_000),
    ]
    for (const text of hostile) {
      expect(compareAnswers(text, '4')).not.toBe('match')
      expect(verdicts).toContain(compareAnswers('4', text))
    }
  })
})

describe('goldFault', () => {
  it('says why nothing can be compared with a gold answer', () => {
    expect(goldFault('4')).toBeNull()
    expect(goldFault('left side')).toBeNull()
    expect(goldFault(' ')).toBe('is empty')
    expect(goldFault('$ $')).toBe('is empty without its units or has unmatched braces')
    expect(goldFault('1'.repeat(301))).toBe('is longer than 300 characters')
    expect(goldFault('9^{99}')).toBe('is too big or nested too deep to compare')
  })
})

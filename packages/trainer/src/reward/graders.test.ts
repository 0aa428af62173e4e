import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Verdict } from './answer.ts'
import { graders, type Grader } from './graders.ts'
import { mathrulerVerdict } from './mathruler.ts'
import { extractAnswer } from './mathVerify/extract.ts'
import { mathVerifyVerdict } from './mathVerify/index.ts'

/** Answer, gold, MathRuler's verdict, Math-Verify's: made by goldens/graders.py. */
const { pairs } = JSON.parse(readFileSync(new URL('../../goldens/graders.json', import.meta.url), 'utf8')) as {
  readonly pairs: ReadonlyArray<readonly [answer: string, gold: string, mathruler: boolean, mathVerify: boolean]>
}

/** The pairs on which a grader of ours and the original disagree, with what ours says. */
const departures = (ours: (answer: string, gold: string) => Verdict, theirs: 2 | 3): ReadonlyArray<string> =>
  pairs.flatMap((pair) => {
    const verdict = ours(pair[0], pair[1])
    return (verdict === 'match') === pair[theirs] ? [] : [`${pair[0]} for ${pair[1]}: ${verdict}`]
  })

describe('mathruler', () => {
  it('golden: grades 424 pairs as MathRuler 0.1.0 does, but for five on which that is wrong', () => {
    expect(pairs).toHaveLength(424)
    expect(departures(mathrulerVerdict, 2)).toEqual([
      '\\frac{x+1}{2} for \\frac{1}{2}x+\\frac{1}{2}: match',
      '\\frac{1}{x+1} for \\frac{1}{1+x}: match',
      '\\ln 8 for 3\\ln 2: match',
      '\\sqrt[3]{2} for \\sqrt{2}: differ',
      '|x| for |{-x}|: match',
    ])
  })

  it.each([
    [null, '4', 'unparseable_answer'],
    ['', '4', 'unparseable_answer'],
    ['cm', '4', 'unparseable_answer'],
    ['x+', '2y', 'unparseable_answer'],
    ['4', ' ', 'unparseable_gold'],
    ['2/4', '1/2', 'differ'],
    ['\\sqrt{16}', '4', 'differ'],
    ['9'.repeat(301), '4', 'budget_exceeded'],
    ['x^(9^(9^9))', 'x^(8^(8^8))', 'differ'],
  ] as const)('judges %j for %j: %s', (answer, gold, verdict) => {
    expect(mathrulerVerdict(answer, gold)).toBe(verdict)
  })
})

describe('math_verify', () => {
  it('golden: grades 424 pairs as Math-Verify 0.9.0 does, but for those that are listed', () => {
    expect(departures(mathVerifyVerdict, 3)).toEqual([
      '4. for 4: match',
      '2.0000001 for 2: match',
      '2.00000001 for 2: match',
      '30° for 30: match',
      '\\emptyset for \\varnothing: match',
      '4} for 4: unparseable_answer',
    ])
  })

  it.each([
    ['so \\boxed{1} and \\boxed{2}', '2, 1', 'match'],
    ['\\boxed{9}. Later: \\boxed{1}, \\boxed{2}.', '\\{1,2\\}', 'match'],
    ['\\boxed{3} is wrong; it is \\boxed{4}', '4', 'match'],
    ['The final answer is $x = 4$. I hope it is right.', '4', 'match'],
    ['Answer: 12 cm', '12', 'match'],
    ['It is 7, I think', '7', 'match'],
    ['nothing here', '7', 'unparseable_answer'],
    ['\\boxed{\\text{seven}}', '7', 'unparseable_answer'],
    ['\\boxed{2x+2y=2}', 'x+y=1', 'match'],
    ['\\boxed{-x<-3}', 'x>3', 'match'],
    ['\\boxed{[3,\\infty)}', 'x\\ge 3', 'match'],
    ['\\boxed{(3,\\infty)}', 'x\\ge 3', 'differ'],
    ['\\boxed{e^{i\\pi}}', '-1', 'match'],
    ['\\boxed{\\sqrt{x^2}}', 'x', 'differ'],
    ['\\boxed{9^{9^{9^9}}}', '8^{9^{9^9}}', 'budget_exceeded'],
    ['\\boxed{4}', '  ', 'unparseable_gold'],
  ] as const)('finds and judges %j for %j: %s', (response, gold, verdict) => {
    expect(graders.math_verify(response, gold)).toBe(verdict)
  })

  it('looks for an answer at the end of a response', () => {
    expect(extractAnswer('$1$ or $2$')).toBe('2')
    expect(extractAnswer('12,345.6 in all')).toBe('12,345.6')
    expect(extractAnswer('')).toBeNull()
  })
})

describe('every grader', () => {
  const names = Object.keys(graders) as ReadonlyArray<Grader>
  const verdicts: ReadonlyArray<Verdict> = [
    'match',
    'differ',
    'unparseable_answer',
    'unparseable_gold',
    'budget_exceeded',
  ]

  it('property: gives a verdict on any text, and an answer without TeX matches itself', () => {
    const pieces = ['1', '2', '.', ',', '+', '-', '*', '/', '^', '_', '(', ')', '{', '}', '[', ']', '|', '$', '=', '<', ' ', 'x', 'e', 'i', '°', '%', '!', '±', '∪', '\\{', '\\}'] // prettier-ignore
    const commands = ['\\frac', '\\sqrt', '\\pi', '\\text{', '\\left', '\\cdot', '\\circ', '\\sin', '\\log', '\\le', '\\infty', '\\cup', '\\begin{pmatrix}', '\\\\', '&', '\\end{pmatrix}', '\\boxed{'] // prettier-ignore
    const like = fc.array(fc.constantFrom(...pieces, ...commands), { maxLength: 30 }).map((all) => all.join(''))
    const text = fc.oneof(like, fc.string({ unit: 'binary', maxLength: 310 }))
    fc.assert(
      fc.property(text, text, (answer, gold) => {
        for (const name of names) {
          expect(verdicts).toContain(graders[name](`\\boxed{${answer}}`, gold))
          expect(verdicts).toContain(graders[name](answer, answer))
        }
      }),
      { seed: 1, numRuns: 200 },
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-d]{1,12}$/), (plain) => {
        for (const name of names) expect(graders[name](`\\boxed{${plain}}`, plain)).toBe('match')
      }),
      { seed: 2, numRuns: 300 },
    )
  })

  // The slowest takes some 100 ms; without the bounds some of these would not end.
  it('decides hostile responses at once', { timeout: 10_000 }, () => {
    const million = 10 ** 6
    const inside = [
      '{'.repeat(140) + '1' + '}'.repeat(140),
      '('.repeat(149) + '1' + ')'.repeat(149),
      '\\frac{1}{'.repeat(30) + '1' + '}'.repeat(30),
      '\\sqrt{'.repeat(40) + '2' + '}'.repeat(40),
      '9^{9^{9^{9}}}',
      '((((9^{32})^{32})^{32})^{32})^{32}',
      'x^{99999999999}',
      '(x+1)^{1000}(x-1)^{1000}',
      '9'.repeat(299),
      '1,'.repeat(149),
      `${'±'.repeat(200)}1`,
      '1\\cup '.repeat(40) + '1',
      '\\{'.repeat(60) + '1' + '\\}'.repeat(60),
      '-'.repeat(299),
      '170!'.repeat(60),
      '|'.repeat(299),
      `${'\\sin '.repeat(59)}x`,
      '\\begin{pmatrix}'.repeat(15),
      'a'.repeat(299),
      '1<'.repeat(149) + '2',
      '\u202e\u0000\ud800𝟜٤',
    ]
    const responses = [
      ...inside.map((text) => `\\boxed{${text}}`),
      '9'.repeat(million),
      '\\boxed{'.repeat(million / 8),
      `\\boxed{${'{'.repeat(million)}`,
      '$'.repeat(million),
      'answer: '.repeat(million / 8),
      '1,'.repeat(million / 2),
      ' '.repeat(million),
    ]
    for (const name of names)
      for (const response of responses) {
        expect(verdicts).toContain(graders[name](response, '4'))
        expect(graders[name](response, '4')).not.toBe('match')
      }
    for (const name of names) for (const text of inside) expect(verdicts).toContain(graders[name]('\\boxed{4}', text))
    for (const name of names)
      for (const text of inside) expect(verdicts).toContain(graders[name](`\\boxed{${text}}`, text))
  })
})

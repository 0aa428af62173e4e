import { maxAnswerLength, type Verdict } from './answer.ts'
import { parseExpression } from './algebra/parse.ts'
import { sameValue } from './algebra/sameValue.ts'
import type { Node } from './algebra/node.ts'
import { latexText } from './latexText.ts'
import { BudgetExceeded, Unreadable } from './surd.ts'

/** What `float` of Python takes, without its words. Null: it does not. */
const pythonFloat = (text: string): number | null =>
  /^\s*[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text.replaceAll('_', '')) : null

const isWhole = (x: number): boolean => Number.isFinite(x) && Math.abs(x - Math.round(x)) <= 1e-7

const withoutThousands = (text: string): string => {
  let out = text
  for (;;) {
    const next = out.replace(/(\d),(\d\d\d)($|\D)/g, '$1$2$3')
    if (next === out) return out
    out = next
  }
}

/** The whole number a text is, thousands commas and `.0` included; null when it is none. */
const wholeNumber = (text: string): number | null => {
  const value = pythonFloat(withoutThousands(text))
  return value !== null && isWhole(value) ? value : null
}

/** The content of a text that is one `\text{…}` as a whole. */
const unwrapped = (text: string): string => /^\\text\{(.+?)\}$/.exec(text)?.[1] ?? text

/** `\frac12` and `\sqrt3` with their braces; null where something is missing behind the command. */
const braced = (text: string): string | null => {
  if (/\\sqrt$|\\frac$|\\sqrt(?=\\sqrt)|\\frac(?=\\frac)/.test(text)) return null
  return text
    .replace(/\\sqrt([^{])/g, '\\sqrt{$1}')
    .replace(/ /g, '')
    .replace(/\\frac([^{])(.)/g, (_, a: string, b: string) => (b === '{' ? `\\frac{${a}}{` : `\\frac{${a}}{${b}}`))
}

/** First normal form: Hendrycks' MATH, as MathRuler's `normalize_answer` has it. A text it cannot treat stays as it is. */
const hendrycks = (raw: string): string => {
  const text = unwrapped(raw.trim()).trim()
  let out = text
    .replaceAll('\n', '')
    .replaceAll('\\!', '')
    .replaceAll('\\\\', '\\')
    .replaceAll(/[td]frac/g, 'frac')
    .replaceAll(/\\left|\\right/g, '')
    .replaceAll(/\^\{\\circ\}|\^\\circ/g, '')
    .replaceAll('\\$', '')
  const units = out.split('\\text{ ')
  if (units.length > 2) return text
  out = units[0]!.replaceAll(/\\?%/g, '').replaceAll(' .', ' 0.').replaceAll('{.', '{0.')
  if (out === '') return ''
  if (out.startsWith('.')) out = `0${out}`
  const sides = out.split('=')
  if (sides.length === 2 && sides[0]!.length <= 2) out = sides[1]!
  const whole = braced(out)
  if (whole === null) return text
  if (whole === '0.5') return '\\frac{1}{2}'
  return whole.replace(/^(0|-?[1-9]\d*)\/(0|-?[1-9]\d*)$/, '\\frac{$1}{$2}')
}

const units = ['degree', 'cm', 'centimeter', 'meter', 'mile', 'second', 'minute', 'hour', 'day', 'week', 'month', 'year', 'foot', 'feet', 'inch', 'yard'] // prettier-ignore
const unitPatterns = units.map((unit) => new RegExp(`${unit}(?:es)?s? *(?:\\^[0-9]+)?`, 'g'))

/** Second normal form: PRM800K's, as MathRuler's `_normalize` has it; plain text without TeX, spaces and case. */
const prm800k = (raw: string): string => {
  let out = unwrapped(raw)
    .replaceAll(/\\?[$%]/g, '')
    .replaceAll(/ (?:or|and) /g, ' , ')
    .replaceAll('million', '*10^6')
    .replaceAll('billion', '*10^9')
    .replaceAll('trillion', '*10^12')
  for (const unit of unitPatterns) out = out.replace(unit, '')
  out = out.replaceAll(/\^ *\\circ/g, '')
  if (out.startsWith('{') && out.endsWith('}')) out = out.slice(1, -1)
  out = out.replaceAll(/,\\! */g, '')
  const whole = pythonFloat(out)
  if (whole !== null && isWhole(whole)) out = String(BigInt(Math.round(whole)))
  if (out.includes('\\')) out = latexText(out)
  out = out
    .replaceAll(/- */g, '-')
    .replaceAll(/([0-9]) +([0-9])/g, '$1+$2')
    .replaceAll(/[ {}]/g, '')
    .toLowerCase()
  const value = wholeNumber(out)
  return value === null ? out : String(BigInt(Math.trunc(Number(out.replaceAll(',', '').replaceAll('_', '')))))
}

const tupleCharacters = '()[]'
/** The elements of one pair of brackets without others inside; else the whole. */
const elements = (text: string): ReadonlyArray<string> => {
  const plain = withoutThousands(text)
  const inner = plain.slice(1, -1)
  const bracketed =
    plain.length > 2 &&
    tupleCharacters.includes(plain[0]!) &&
    tupleCharacters.includes(plain.at(-1)!) &&
    ![...tupleCharacters].some((character) => inner.includes(character))
  return bracketed ? inner.split(',').map((part) => part.trim()) : [plain]
}

const isFraction = (text: string): boolean => /^-?[0-9]+.?\/0*[1-9][0-9]*.?$/.test(text)

/** MathRuler tries no algebra on words and on powers that might not end. */
const mayBeAlgebra = (text: string): boolean => {
  const letters = new Set(text.replaceAll('sqrt', '').replaceAll('frac', '').match(/\p{L}/gu) ?? [])
  return letters.size <= 2 && !/\^[({]|\^[0-9]+\^|\^[0-9][0-9]+/.test(text)
}

const parsed = (text: string): Node | 'budget' | null => {
  try {
    return parseExpression(text)
  } catch (thrown) {
    if (thrown instanceof BudgetExceeded) return 'budget'
    if (thrown instanceof Unreadable) return null
    throw thrown
  }
}

const compareElements = (answer: string, gold: string): Verdict => {
  if (isFraction(gold) && isFraction(answer)) return gold === answer ? 'match' : 'differ'
  if ((wholeNumber(gold) !== null) !== (wholeNumber(answer) !== null)) return 'differ'
  if (answer === gold) return 'match'
  if (!mayBeAlgebra(`(${gold})-(${answer})`)) return 'differ'
  const [a, b] = [parsed(answer), parsed(gold)]
  if (a === 'budget') return 'budget_exceeded'
  if (b === null || b === 'budget') return 'differ'
  if (a === null) return 'unparseable_answer'
  const found = sameValue(a, b)
  return found === 'same' ? 'match' : found === 'undecided' ? 'budget_exceeded' : 'differ'
}

/**
 * Compares as MathRuler does (mathruler@0.1.0 grader.py, `grade_answer`), which EasyR1's `math` uses: equal after Hendrycks' normal form, or
 * after PRM800K's; else tuples element by element, two fractions only when they are written alike, a whole number only with a whole number, and what is
 * left by algebra. Never throws; takes milliseconds at most, whatever it is given.
 *
 * Departs from MathRuler where that is wrong or does not end: `\sqrt[3]{2}` is not `\sqrt{2}`, `\frac{x+1}{2}` is not `x+\frac{1}{2}`, algebra is exact
 * or by sampled values and not by sympy, and answers above 300 characters are not read.
 */
export const mathrulerVerdict = (answer: string | null, gold: string): Verdict => {
  if (gold.trim() === '' || gold.length > maxAnswerLength) return 'unparseable_gold'
  if (answer === null) return 'unparseable_answer'
  if (answer.length > maxAnswerLength) return 'budget_exceeded'
  if (hendrycks(answer) === hendrycks(gold)) return 'match'
  const [given, expected] = [prm800k(answer), prm800k(gold)]
  if (given === expected) return 'match'
  if (given === '') return 'unparseable_answer'
  const [parts, wanted] = [elements(given), elements(expected)]
  if (wanted.length > 1 && (given[0] !== expected[0] || given.at(-1) !== expected.at(-1))) return 'differ'
  if (parts.length !== wanted.length) return 'differ'
  for (const [i, part] of parts.entries()) {
    const verdict = compareElements(part, wanted[i]!)
    if (verdict !== 'match') return verdict
  }
  return 'match'
}

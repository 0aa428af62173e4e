import { expressionValue } from './expression.ts'
import { normalisedAnswer } from './normalise.ts'
import { BudgetExceeded, isEqual, Unreadable, type Surd } from './surd.ts'

/**
 * How an answer compares with the gold one.
 * `unparseable_answer`: there is none, or the gold one is a value and this is not; `unparseable_gold`: nothing can be
 * compared with the gold answer; `budget_exceeded`: too long, too big or too deep to decide.
 */
export type Verdict = 'match' | 'differ' | 'unparseable_answer' | 'unparseable_gold' | 'budget_exceeded'

/** Longer answers are not read: the longest of Geometry3K has 23 characters. */
export const maxAnswerLength = 300

type Read =
  | { readonly kind: 'value'; readonly value: Surd; readonly text: string }
  | { readonly kind: 'list'; readonly parts: ReadonlyArray<Read>; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'nothing' | 'budget' }

const balanced = (text: string): boolean => {
  let depth = 0
  for (const character of text) {
    if (character === '{') depth++
    else if (character === '}' && --depth < 0) return false
  }
  return depth === 0
}

/** The parts of `(a, b)` or `[a, b]` between commas outside brackets; null for anything else. */
const listParts = (text: string): ReadonlyArray<string> | null => {
  if (!/^[([].*[)\]]$/su.test(text)) return null
  const parts: Array<string> = []
  let depth = 0
  let start = 1
  for (let i = 1; i < text.length - 1; i++) {
    const character = text[i]!
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character) && --depth < 0) return null
    else if (character === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return parts.length === 0 ? null : [...parts, text.slice(start, -1)]
}

const readValue = (text: string): Read => {
  try {
    return { kind: 'value', value: expressionValue(text), text }
  } catch (thrown) {
    if (thrown instanceof BudgetExceeded) return { kind: 'budget' }
    if (thrown instanceof Unreadable) return { kind: 'text', text }
    throw thrown
  }
}

const readAnswer = (raw: string): Read => {
  if (raw.length > maxAnswerLength) return { kind: 'budget' }
  const text = normalisedAnswer(raw)
  if (text === '' || !balanced(text)) return { kind: 'nothing' }
  const parts = listParts(text)
  if (parts === null) return readValue(text)
  return { kind: 'list', parts: parts.map((part) => readValue(part.trim())), text }
}

/** Case and spaces do not matter in words. */
const plain = (text: string): string => text.toLowerCase().replace(/\s+/g, '')

const agree = (answer: Read, gold: Read): boolean => {
  if (answer.kind === 'value' && gold.kind === 'value') return isEqual(answer.value, gold.value)
  if (answer.kind === 'list' && gold.kind === 'list') {
    const sameBrackets = answer.text[0] === gold.text[0] && answer.text.at(-1) === gold.text.at(-1)
    const { parts } = answer
    return sameBrackets && parts.length === gold.parts.length && parts.every((part, i) => agree(part, gold.parts[i]!))
  }
  return 'text' in answer && 'text' in gold && plain(answer.text) === plain(gold.text)
}

/**
 * Compares an answer (null: none was given) with the gold one: exactly where both are numbers, fractions or simple
 * expressions in roots and pi (`\frac{\sqrt{8}}{2}` is `\sqrt{2}`; 0.333 is not 1/3), part by part where both are lists,
 * else as text without case and spaces. Never throws; takes milliseconds at most, whatever it is given.
 *
 * Differs from MathRuler (EasyR1): unreduced fractions and `8/2` for `4` match, and no symbolic algebra is done.
 */
export const compareAnswers = (answer: string | null, gold: string): Verdict => {
  const expected = readAnswer(gold)
  if (expected.kind === 'nothing' || expected.kind === 'budget') return 'unparseable_gold'
  if (answer === null) return 'unparseable_answer'
  const given = readAnswer(answer)
  if (given.kind === 'nothing') return 'unparseable_answer'
  if (given.kind === 'budget') return 'budget_exceeded'
  if (agree(given, expected)) return 'match'
  return expected.kind === 'value' && given.kind === 'text' ? 'unparseable_answer' : 'differ'
}

/** Why nothing can be compared with a gold answer, as the end of "an answer that …"; null when something can. */
export const goldFault = (gold: string): string | null => {
  if (gold.trim() === '') return 'is empty'
  if (gold.length > maxAnswerLength) return `is longer than ${maxAnswerLength} characters`
  const { kind } = readAnswer(gold)
  if (kind === 'nothing') return 'is empty without its units or has unmatched braces'
  return kind === 'budget' ? 'is too big or nested too deep to compare' : null
}

/** What a gold answer is to the verifier. */
export type AnswerKind = 'value' | 'list' | 'text' | 'unreadable'

export const answerKind = (gold: string): AnswerKind => {
  const { kind } = readAnswer(gold)
  return kind === 'nothing' || kind === 'budget' ? 'unreadable' : kind
}

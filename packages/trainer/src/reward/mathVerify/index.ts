import { maxAnswerLength, type Verdict } from '../answer.ts'
import { BudgetExceeded } from '../surd.ts'
import { sameAnswer, Undecided } from './compare.ts'
import { extractAnswer } from './extract.ts'
import { readValue, type Value } from './read.ts'

const read = (text: string): Value | null | 'budget' => {
  if (text.length > maxAnswerLength) return 'budget'
  try {
    return readValue(text)
  } catch (thrown) {
    if (thrown instanceof BudgetExceeded) return 'budget'
    throw thrown
  }
}

/** Compares an answer that has been found (null: there was none) with the gold one, in the spirit of Math-Verify. Never throws. */
export const mathVerifyVerdict = (answer: string | null, gold: string): Verdict => {
  const expected = read(gold)
  if (expected === null || expected === 'budget') return 'unparseable_gold'
  const given = answer === null ? null : read(answer)
  if (given === null) return 'unparseable_answer'
  if (given === 'budget') return 'budget_exceeded'
  try {
    if (sameAnswer(given, expected)) return 'match'
  } catch (thrown) {
    if (thrown instanceof Undecided || thrown instanceof BudgetExceeded) return 'budget_exceeded'
    throw thrown
  }
  return given.kind === 'text' && expected.kind !== 'text' ? 'unparseable_answer' : 'differ'
}

/**
 * Finds an answer in a response (the last box or boxes, else what follows "the answer is", else the last formula or number) and compares it
 * with the gold one. Never throws; takes milliseconds at most, whatever it is given.
 */
export const mathVerifyResponse = (response: string, gold: string): Verdict =>
  mathVerifyVerdict(extractAnswer(response), gold)

import { compareAnswers, type Verdict } from './answer.ts'
import { lastBoxed } from './boxed.ts'
import { mathVerifyResponse } from './mathVerify/index.ts'
import { mathrulerVerdict } from './mathruler.ts'

/** The ways to compare answers, as the key `grader` names them. */
export type Grader = 'mathruler' | 'math_verify' | 'exact'

/** A verdict on a whole response and the row's gold answer. Never throws; takes milliseconds at most, whatever it is given. */
export type GradeResponse = (response: string, gold: string) => Verdict

export const graders: Readonly<Record<Grader, GradeResponse>> = {
  mathruler: (response, gold) => mathrulerVerdict(lastBoxed(response)?.trim() ?? null, gold),
  math_verify: mathVerifyResponse,
  exact: (response, gold) => compareAnswers(lastBoxed(response), gold),
}

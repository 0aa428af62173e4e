import { compareAnswers, type Verdict } from './answer.ts'
import { lastBoxed } from './boxed.ts'

/** The ways to compare answers, as the key `grader` names them. */
export type Grader = 'mathruler' | 'math_verify' | 'exact'

/** A verdict on a whole response and the row's gold answer. Never throws; takes milliseconds at most, whatever it is given. */
export type GradeResponse = (response: string, gold: string) => Verdict

export const graders: Readonly<Record<Grader, GradeResponse>> = {
  mathruler: (response, gold) => compareAnswers(lastBoxed(response), gold),
  math_verify: (response, gold) => compareAnswers(lastBoxed(response), gold),
  exact: (response, gold) => compareAnswers(lastBoxed(response), gold),
}

import type { Row } from '../data/types.ts'
import { easyR1Cleaned, hasBoxedFormat, hasEasyR1Format, hasThinkFormat } from './format.ts'
import { graders, type Grader } from './graders.ts'
import type { Verdict } from './answer.ts'

/** One completion as the rewards see it. */
export interface Scored {
  readonly row: Row
  /** Decoded, special tokens (the end token among them) left out. */
  readonly response: string
  /** Tokens, the end token included. */
  readonly length: number
}

/** A reward of one completion; null: it cannot be computed, so the rollout is left out. */
export type RewardFunction = (scored: Scored) => number | null

/** How the answer that a grader finds in the response compares with the row's. */
export const answerVerdict = (
  { row, response }: Pick<Scored, 'row' | 'response'>,
  grader: Grader = 'mathruler',
): Verdict => graders[grader](response, row.answer)

const accuracyOf = (verdict: Verdict): number | null =>
  verdict === 'unparseable_gold' ? null : verdict === 'match' ? 1 : 0

/** Built-in rewards that compare an answer are 0 where a grader had to be stopped, like its verdict `budget_exceeded`. */
export const stoppedReward = accuracyOf('budget_exceeded')

/** 1 when the response's answer equals the row's, else 0; null when the row's answer cannot be compared (paper, eq. 24). */
export const accuracyReward =
  (grader: Grader = 'mathruler'): RewardFunction =>
  (scored) =>
    accuracyOf(answerVerdict(scored, grader))

/** EasyR1's `math`: 0.9 accuracy + 0.1 format on its cleaned response (easyr1@b44b311 examples/reward_function/math.py). */
export const mathReward =
  (grader: Grader = 'mathruler'): RewardFunction =>
  ({ row, response }) => {
    const cleaned = easyR1Cleaned(response)
    const accuracy = accuracyOf(answerVerdict({ row, response: cleaned }, grader))
    return accuracy === null ? null : 0.9 * accuracy + 0.1 * (hasEasyR1Format(cleaned) ? 1 : 0)
  }

/** The built-in rewards by their names in `reward_funcs`. */
export const rewardFunctions = (grader: Grader = 'mathruler'): Readonly<Record<string, RewardFunction>> => ({
  accuracy_reward: accuracyReward(grader),
  boxed_format_reward: ({ response }) => (hasBoxedFormat(response) ? 1 : 0),
  think_format_reward: ({ response }) => (hasThinkFormat(response) ? 1 : 0),
  math: mathReward(grader),
})

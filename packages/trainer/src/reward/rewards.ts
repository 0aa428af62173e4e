import { either as E } from 'fp-ts'
import type { Row } from '../data/types.ts'
import { badInput, type TrainError } from '../errors.ts'
import { compareAnswers, type Verdict } from './answer.ts'
import { lastBoxed } from './boxed.ts'
import { easyR1Cleaned, hasBoxedFormat, hasEasyR1Format, hasThinkFormat } from './format.ts'
import { softOverlongPunishment, type SoftOverlong } from './overlong.ts'

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

/** How the last `\boxed{…}` of the response compares with the row's answer. */
export const answerVerdict = ({ row, response }: Pick<Scored, 'row' | 'response'>): Verdict =>
  compareAnswers(lastBoxed(response), row.answer)

const accuracyOf = (verdict: Verdict): number | null =>
  verdict === 'unparseable_gold' ? null : verdict === 'match' ? 1 : 0

/** 1 when the last `\boxed{…}` equals the row's answer, else 0; null when the row's answer cannot be compared (paper, eq. 24). */
export const accuracyReward: RewardFunction = (scored) => accuracyOf(answerVerdict(scored))

/** EasyR1's `math`: 0.9 accuracy + 0.1 format on its cleaned response; the answer check is ours. */
export const mathReward: RewardFunction = ({ row, response }) => {
  const cleaned = easyR1Cleaned(response)
  const accuracy = accuracyOf(answerVerdict({ row, response: cleaned }))
  return accuracy === null ? null : 0.9 * accuracy + 0.1 * (hasEasyR1Format(cleaned) ? 1 : 0)
}

/** The built-in rewards by their names in `reward_funcs`. */
export const rewardFunctions: Readonly<Record<string, RewardFunction>> = {
  accuracy_reward: accuracyReward,
  boxed_format_reward: ({ response }) => (hasBoxedFormat(response) ? 1 : 0),
  think_format_reward: ({ response }) => (hasThinkFormat(response) ? 1 : 0),
  math: mathReward,
}

export interface RewardOptions {
  readonly functions: ReadonlyArray<{ readonly name: string; readonly weight: number }>
  /** Added to the total as `soft_overlong_punishment`, times its weight. */
  readonly softOverlong?: SoftOverlong & { readonly weight: number }
}

/** A completion's reward and what it is made of. */
export interface TotalReward {
  /** Weighted sum of the parts; null when a part with a weight other than 0 is null. */
  readonly total: number | null
  readonly parts: Readonly<Record<string, number | null>>
}

/** All rewards of a run as one function of a completion. */
export type Rewarder = (scored: Scored) => TotalReward

/**
 * The total reward as one function: sum_k w_k r_k, with the defaults 0.9 accuracy + 0.1 format (paper, eq. 22).
 * Left (BadInput) names an unknown reward.
 *
 * Differs from TRL, which sums what it has: a rollout whose accuracy is unknown is left out and not scored by its format alone.
 */
export const combineRewards = ({ functions, softOverlong }: RewardOptions): E.Either<TrainError, Rewarder> => {
  const unknown = functions.find(({ name }) => !Object.hasOwn(rewardFunctions, name))
  if (unknown !== undefined) {
    const known = Object.keys(rewardFunctions).join(', ')
    return E.left(badInput(`reward_funcs names "${unknown.name}", which is not a reward; choose from ${known}.`))
  }
  const weighted = functions.map(({ name, weight }) => ({ name, weight, reward: rewardFunctions[name]! }))
  const punished =
    softOverlong === undefined
      ? weighted
      : [
          ...weighted,
          {
            name: 'soft_overlong_punishment',
            weight: softOverlong.weight,
            reward: ({ length }: Scored) => softOverlongPunishment(length, softOverlong),
          },
        ]
  return E.right((scored) => {
    let total: number | null = 0
    const parts: Record<string, number | null> = {}
    for (const { name, weight, reward } of punished) {
      const part = reward(scored)
      parts[name] = part
      if (weight === 0) continue
      total = total === null || part === null ? null : total + weight * part
    }
    return { total, parts }
  })
}

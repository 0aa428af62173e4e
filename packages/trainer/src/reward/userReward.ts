import { pathToFileURL } from 'node:url'
import type { Row } from '../data/types.ts'
import type { Scored } from './rewards.ts'

/** What a reward of a user's file is given: the whole row, pictures and all, and one completion. */
export interface RewardSample {
  readonly row: Row
  /** Decoded, special tokens (the end token among them) left out. */
  readonly completion: string
  /** Tokens, the end token included. */
  readonly length: number
}

/** A number, or null for no verdict: the rollout is left out. */
export type UserVerdict = number | null

/** A user's reward of one completion. */
export type UserReward = (sample: RewardSample) => UserVerdict | Promise<UserVerdict>

/** A user's reward of all completions of a step at once; says so by a property: `reward.batched = true`. */
export interface BatchedUserReward {
  (samples: ReadonlyArray<RewardSample>): ReadonlyArray<UserVerdict> | Promise<ReadonlyArray<UserVerdict>>
  readonly batched: true
}

export const rewardSampleOf = ({ row, response, length }: Scored): RewardSample => ({
  row,
  completion: response,
  length,
})

export const isBatched = (reward: UserReward | BatchedUserReward): reward is BatchedUserReward =>
  'batched' in reward && reward.batched

const isFunction = (value: unknown): value is UserReward | BatchedUserReward => typeof value === 'function'

/**
 * The reward function that a module exports: the one that is named, else the default one, else the only one.
 *
 * @throws Error whose message ends a sentence that begins with the file
 */
export const loadUserReward = async (
  path: string,
  exported: string | null,
): Promise<UserReward | BatchedUserReward> => {
  let all: Readonly<Record<string, unknown>>
  try {
    all = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  } catch (thrown) {
    throw new Error(`cannot be loaded (${thrown instanceof Error ? thrown.message.split('\n')[0] : String(thrown)})`, {
      cause: thrown,
    })
  }
  const functions = Object.keys(all).filter((name) => isFunction(all[name]))
  const only = functions.length === 1 ? functions[0] : undefined
  const chosen = exported ?? (functions.includes('default') ? 'default' : only)
  const reward = chosen === undefined ? undefined : all[chosen]
  if (isFunction(reward)) return reward
  const choices = functions.length === 0 ? 'exports no function' : `exports ${functions.join(', ')}`
  throw new Error(
    exported === null
      ? `${choices}; export one as default, or name one with #name behind the file`
      : `has no function "${exported}": it ${choices}`,
  )
}

/** A verdict as it must be. @throws Error whose message ends a sentence that begins with the reward */
export const checkedVerdict = (value: unknown): UserVerdict => {
  if (value === null || (typeof value === 'number' && Number.isFinite(value))) return value
  const shown = typeof value === 'number' || value === undefined ? String(value) : JSON.stringify(value)
  throw new Error(`returned ${shown}; return a finite number, or null for no verdict`)
}

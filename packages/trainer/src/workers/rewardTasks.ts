import type { Grader } from '../reward/graders.ts'
import type { RewardSource } from '../reward/rewardSource.ts'
import type { Scored } from '../reward/rewards.ts'

/** What a reward worker is started with. */
export interface RewardWorkerData {
  readonly sources: ReadonlyArray<RewardSource>
  readonly grader: Grader
  /** Seconds. */
  readonly timeout: number
}

/** Completions for one reward of the list. */
export interface RewardTask {
  readonly source: number
  readonly items: ReadonlyArray<Scored>
}

/** What one completion got: a number, null for no verdict, or that its function was stopped. */
export type RewardAnswer = number | null | 'stopped'

/**
 * What a worker says. `ready` names the rewards that want a whole batch at once; `broken` is why a file cannot be loaded; `done` is one item's
 * answer, `all` a batch's; `failed` the sentence of an item (-1: of a batch) whose function threw.
 */
export type RewardReport =
  | { readonly kind: 'ready'; readonly batched: ReadonlyArray<boolean> }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'done'; readonly index: number; readonly answer: RewardAnswer }
  | { readonly kind: 'all'; readonly answers: ReadonlyArray<RewardAnswer> }
  | { readonly kind: 'failed'; readonly index: number; readonly message: string }

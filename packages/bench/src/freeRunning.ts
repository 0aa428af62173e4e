/** What a run's `evaluation.jsonl` says of its test rows at one step. */
export interface Tested {
  readonly accuracy: number
  readonly interval: readonly [low: number, high: number]
  /** 1 where the greedy answer to a row is right. */
  readonly correct: ReadonlyArray<number>
}

export interface FreeRun {
  readonly before: Tested
  readonly after: Tested
  /** Mean reward of each step. */
  readonly rewards: ReadonlyArray<number>
  readonly seconds: number
}

export interface Agreement {
  readonly before: boolean
  readonly after: boolean
  /** Share of the test rows that both trained policies answer alike, right or wrong. */
  readonly answeredAlike: number
  /** First step whose rewards differ, from 1; null when none does: until then every token, or what it was worth, was the same. */
  readonly firstDifferentStep: number | null
}

const lies = (accuracy: number, [low, high]: Tested['interval']): boolean => low <= accuracy && accuracy <= high

/** Each accuracy lies in the other's interval. */
const agree = (a: Tested, b: Tested): boolean => lies(a.accuracy, b.interval) && lies(b.accuracy, a.interval)

/** Two runs with one seed and one configuration on two backends, tokens drawn by each itself. */
export const agreement = (a: FreeRun, b: FreeRun): Agreement => {
  const different = a.rewards.findIndex((reward, i) => reward !== b.rewards[i])
  const alike = a.after.correct.filter((right, i) => right === b.after.correct[i]).length
  return {
    before: agree(a.before, b.before),
    after: agree(a.after, b.after),
    answeredAlike: alike / a.after.correct.length,
    firstDifferentStep: different < 0 ? null : different + 1,
  }
}

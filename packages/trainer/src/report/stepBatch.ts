import { rewardMidpoint, rightAbove, type Right, type Rewards, type Sample } from '@durian/core'
import type { CompletionRecord } from '../run/records.ts'

/** The prompts of one rollout batch with what the estimators read of them. */
export interface StepBatch {
  readonly step: number
  readonly samples: ReadonlyArray<Sample>
  /** Which rollouts are right, [B][G]. */
  readonly right: ReadonlyArray<Right>
}

/** Right rollouts: by the accuracy reward where it was logged, else above the middle of the batch's rewards. */
const rightness = (rewards: ReadonlyArray<Rewards>, records: ReadonlyArray<CompletionRecord>): ReadonlyArray<Right> => {
  const guessed = rightAbove(rewardMidpoint(rewards))(rewards)
  return records.map((record, s) =>
    record.completions.map((completion, i) => {
      const accuracy = completion.rewards['accuracy_reward']
      if (completion.reward === null) return null
      return accuracy === undefined || accuracy === null ? guessed[s]![i]! : accuracy > 0.5
    }),
  )
}

/** The batches of a run's completions.jsonl, by step, ascending. */
export const stepBatches = (records: ReadonlyArray<CompletionRecord>): ReadonlyArray<StepBatch> => {
  const steps = new Map<number, Array<CompletionRecord>>()
  for (const record of records) {
    const known = steps.get(record.step)
    if (known === undefined) steps.set(record.step, [record])
    else known.push(record)
  }
  return [...steps]
    .sort(([a], [b]) => a - b)
    .map(([step, members]) => {
      const rewards = members.map((record) => record.completions.map((completion) => completion.reward))
      return {
        step,
        samples: members.map((record, s) => ({
          rewards: rewards[s]!,
          entropy: record.visual_entropy,
          confidence: record.confidence,
        })),
        right: rightness(rewards, members),
      }
    })
}

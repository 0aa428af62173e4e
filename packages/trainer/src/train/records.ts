import { sum } from '@durian/core'
import type { CompletionRecord } from '../run/records.ts'
import type { StepReport } from './trainStep.ts'

/** The lines of `completions.jsonl` of one step. `images` gives the stored path of each picture, by prompt. */
export const completionRecords = (
  { metrics, groups, advantages }: StepReport,
  images: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<CompletionRecord> =>
  images.map((paths, s) => {
    const group = groups[s]!
    return {
      step: metrics.step,
      prompt_id: group.row.id,
      problem: group.row.problem,
      answer: group.row.answer,
      images: paths,
      extra: group.row.extra,
      visual_entropy: group.visualEntropy,
      confidence: group.confidence,
      perceptual_bucket: advantages.durian.perceptual.buckets[s]!,
      reasoning_bucket: advantages.durian.reasoning.buckets[s]!,
      completions: group.completions.map((completion, i) => ({
        text: group.texts[i]!,
        reward: group.rewards[i]!,
        rewards: group.parts[i]!,
        length: completion.ids.length,
        terminated: completion.terminated,
        logprob: sum(completion.logprobs),
        advantage: advantages.advantages[s]![i] ?? 0,
      })),
    }
  })

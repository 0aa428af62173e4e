import type { Backend, Params, WeightSource } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { Dataset } from '../data/dataset.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { generate } from '../policy/generate.ts'
import { policyWeights } from '../policy/params.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import type { Rewarder } from '../reward/index.ts'
import { bootstrapInterval } from '../run/intervals.ts'
import type { Evaluation } from '../run/records.ts'
import { encodeRows } from './rollout.ts'

export interface EvaluationContext<T> {
  readonly backend: Backend<T>
  readonly policy: PolicyConfig
  /** Weights beneath the parameters; left out where the parameters are all there is. */
  readonly base?: WeightSource<T> | undefined
  readonly processor: Processor
  readonly rewarder: Rewarder
}

export interface EvaluationOptions {
  readonly step: number
  readonly split: string
  readonly maxCompletionLength: number
  readonly seed: number
  /** Rows from the first; null = all. */
  readonly samples: number | null
  /** 0 is greedy, the default; otherwise one draw per row. */
  readonly temperature?: number
  readonly onProgress?: (done: number, total: number) => void
}

/** Prompts decoded together: bounds the memory of the KV cache and of the logits. */
const CHUNK = 256

/**
 * Accuracy of one completion per row of an untouched split (greedy by default), with a 95 % bootstrap interval over rows.
 * Right = `accuracy_reward` 1, where that reward is not configured the total reward above one half.
 */
export const evaluate =
  <T>({ backend, policy, base, processor, rewarder }: EvaluationContext<T>) =>
  (params: Params<T>, dataset: Dataset, options: EvaluationOptions): TE.TaskEither<TrainError, Evaluation> =>
    attempt(async (take) => {
      const rows = options.samples === null ? dataset.rows : dataset.rows.slice(0, options.samples)
      const correct: Array<number> = []
      const formats: Array<number> = []
      let length = 0
      for (let from = 0; from < rows.length; from += CHUNK) {
        const part = rows.slice(from, from + CHUNK)
        const tasks = await take(encodeRows(processor, part))
        const completions = await take(
          generate(backend, policy)(
            policyWeights(params, base),
            tasks.map((task) => task.prompt),
            {
              numGenerations: 1,
              maxCompletionLength: options.maxCompletionLength,
              temperature: options.temperature ?? 0,
              topP: 1,
              topK: 0,
              banned: processor.tokens.vision,
              endTokens: processor.tokens.end,
              seed: options.seed,
              step: options.step,
              promptIndices: part.map((_, i) => from + i),
            },
          ),
        )
        const scored = part.map((row, i) => {
          const { ids } = completions[i]![0]!
          return { row, response: processor.tokenizer.decode(ids, { skipSpecial: true }), length: ids.length }
        })
        const rewards = await take(rewarder(scored))
        scored.forEach((completion, i) => {
          const { total, parts } = rewards[i]!
          const score = 'accuracy_reward' in parts ? parts['accuracy_reward'] : total
          correct.push((score ?? 0) > 0.5 ? 1 : 0)
          const format = parts['boxed_format_reward'] ?? parts['think_format_reward']
          if (format !== undefined && format !== null) formats.push(format)
          length += completion.length
        })
        options.onProgress?.(correct.length, rows.length)
      }
      const average = (values: ReadonlyArray<number>): number =>
        values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
      return {
        step: options.step,
        split: options.split,
        count: rows.length,
        accuracy: average(correct),
        interval: bootstrapInterval(correct, { seed: options.seed }).interval,
        format: average(formats),
        mean_length: length / rows.length,
        correct,
        by: byFamily(
          rows.map((row) => row.extra['family']),
          correct,
        ),
      }
    })

/** Accuracy per value of the `family` column, where there is one. */
const byFamily = (families: ReadonlyArray<unknown>, correct: ReadonlyArray<number>): Evaluation['by'] => {
  const groups = new Map<string, Array<number>>()
  families.forEach((family, i) => {
    if (typeof family !== 'string') return
    groups.set(family, [...(groups.get(family) ?? []), correct[i]!])
  })
  return Object.fromEntries(
    [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([family, values]) => [
        family,
        { count: values.length, accuracy: values.reduce((sum, value) => sum + value, 0) / values.length },
      ]),
  )
}

import { mean, type Params } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { Dataset } from '../data/dataset.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { bootstrapInterval } from '../run/intervals.ts'
import type { Evaluation } from '../run/records.ts'
import { answerRows, type EvaluationContext } from './answerRows.ts'
import { breakdown } from './breakdown.ts'

export type { EvaluationContext } from './answerRows.ts'

export interface EvaluationOptions {
  readonly step: number
  readonly split: string
  readonly maxCompletionLength: number
  readonly seed: number
  /** Rows from the first; null = all. */
  readonly samples: number | null
  /** 0 is greedy, the default; otherwise one draw per row. */
  readonly temperature?: number
  /** Nucleus of those draws, default 1. */
  readonly topP?: number
  /** Completions decoded together. */
  readonly batchSize?: number
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Accuracy of one completion per row of an untouched split (greedy by default), with a 95 % bootstrap interval over rows.
 * Right = `accuracy_reward` 1, where that reward is not configured the total reward above one half.
 */
export const evaluate =
  <T>(context: EvaluationContext<T>) =>
  (
    params: Params<T>,
    dataset: Dataset,
    { samples, step, split, temperature = 0, topP = 1, ...options }: EvaluationOptions,
  ): TE.TaskEither<TrainError, Evaluation> =>
    attempt(async (take) => {
      const rows = samples === null ? dataset.rows : dataset.rows.slice(0, samples)
      const drawing = { ...options, step, temperature, topP, topK: 0, numGenerations: 1 }
      const answers = (await take(answerRows(context)(params, rows, drawing))).map(([answer]) => answer!)
      const correct = answers.map(({ right }) => (right ? 1 : 0))
      const formats = answers.flatMap(({ format }) => format ?? [])
      const { mean: accuracy, interval } = bootstrapInterval(correct, { seed: options.seed })
      return {
        step,
        split,
        count: rows.length,
        accuracy,
        interval,
        format: formats.length === 0 ? 0 : mean(formats),
        mean_length: mean(answers.map(({ length }) => length)),
        correct,
        by: Object.fromEntries(
          [...breakdown(rows, 'family')].map(([family, places]) => [
            family,
            { count: places.length, accuracy: mean(places.map((i) => correct[i]!)) },
          ]),
        ),
      }
    })

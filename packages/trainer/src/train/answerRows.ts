import type { Params } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { Rewarder, TotalReward } from '../reward/index.ts'
import { type DrawContext, drawRows, type DrawRowsOptions } from './drawRows.ts'

/** A policy, and the rewards that judge its answers. */
export interface EvaluationContext<T> extends DrawContext<T> {
  readonly rewarder: Rewarder
}

/** One completion, judged. */
export interface Answer {
  readonly response: string
  /** Tokens, end token included. */
  readonly length: number
  /** `accuracy_reward` above one half; where that reward is not configured, the total. */
  readonly right: boolean
  /** The format reward; null where none is configured. */
  readonly format: number | null
}

export interface AnswerOptions extends Omit<DrawRowsOptions, 'use' | 'step'> {
  readonly step?: number
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

const isRight = ({ total, parts }: TotalReward): boolean =>
  (('accuracy_reward' in parts ? parts['accuracy_reward'] : total) ?? 0) > 0.5

/** Every row's completions, judged: [rows][numGenerations]. */
export const answerRows =
  <T>({ rewarder, ...context }: EvaluationContext<T>) =>
  (
    params: Params<T>,
    rows: ReadonlyArray<Row>,
    { onProgress, step = 0, ...sampling }: AnswerOptions,
  ): TE.TaskEither<TrainError, ReadonlyArray<ReadonlyArray<Answer>>> =>
    attempt(async (take) => {
      const { tokenizer } = context.processor
      const answers: Array<ReadonlyArray<Answer>> = []
      await take(
        drawRows(context)(params, rows, {
          ...sampling,
          step,
          use: async (drawn) => {
            const scored = drawn.flatMap(({ row, completions }) =>
              completions.map(({ ids }) => ({
                row,
                response: tokenizer.decode(ids, { skipSpecial: true }),
                length: ids.length,
              })),
            )
            const rewards = await take(rewarder(scored))
            const judged = scored.map(({ response, length }, i): Answer => {
              const { parts } = rewards[i]!
              const format = parts['boxed_format_reward'] ?? parts['think_format_reward'] ?? null
              return { response, length, right: isRight(rewards[i]!), format }
            })
            drawn.forEach((_, i) =>
              answers.push(judged.slice(i * sampling.numGenerations, (i + 1) * sampling.numGenerations)),
            )
            onProgress?.(answers.length, rows.length)
          },
        }),
      )
      return answers
    })

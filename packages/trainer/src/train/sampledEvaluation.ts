import type { Params } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { Dataset } from '../data/dataset.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { lastBoxed } from '../reward/index.ts'
import { bootstrapInterval, type Estimate } from '../run/intervals.ts'
import { answerRows, type EvaluationContext } from './answerRows.ts'
import { majorityAccuracy, passAtK } from './passAtK.ts'

export interface SampledOptions {
  /** n, completions per row. */
  readonly numGenerations: number
  readonly maxCompletionLength: number
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly seed: number
  readonly samples: number | null
  /** Completions decoded together. */
  readonly batchSize?: number
  readonly onProgress?: (done: number, total: number) => void
}

export interface SampledEvaluation {
  readonly generations: number
  /** pass@k by k: 1, 2, 4, … n; the interval is over rows. */
  readonly pass: Readonly<Record<string, Estimate>>
  readonly majority: Estimate
}

/** What is kept of a row's n completions. */
interface RowTally {
  /** Completions that are right. */
  readonly right: number
  /** Whether the most frequent answer is, [0, 1]. */
  readonly majority: number
}

/** pass@k and maj@n of rows, which may be a part of those that were answered. */
export const sampledRates = (
  tallies: ReadonlyArray<RowTally>,
  { numGenerations: n, seed }: Pick<SampledOptions, 'numGenerations' | 'seed'>,
): SampledEvaluation => {
  const ks = [...new Set([...Array.from({ length: 31 }, (_, i) => 2 ** i).filter((k) => k < n), n])]
  const rate = (of: (tally: RowTally) => number): Estimate => bootstrapInterval(tallies.map(of), { seed })
  return {
    generations: n,
    pass: Object.fromEntries(ks.map((k) => [String(k), rate(({ right }) => passAtK({ n, c: right, k }))])),
    majority: rate(({ majority }) => majority),
  }
}

/** Counts of n sampled completions per row, in the rows' order. */
export const sampledEvaluation =
  <T>(context: EvaluationContext<T>) =>
  (
    params: Params<T>,
    dataset: Dataset,
    { samples, ...options }: SampledOptions,
  ): TE.TaskEither<TrainError, ReadonlyArray<RowTally>> =>
    attempt(async (take) => {
      const rows = samples === null ? dataset.rows : dataset.rows.slice(0, samples)
      const answers = await take(answerRows(context)(params, rows, options))
      return answers.map((group) => {
        const votes = group.map(({ response, right }) => ({ answer: lastBoxed(response)?.trim() ?? null, right }))
        return { right: votes.filter(({ right }) => right).length, majority: majorityAccuracy(votes) }
      })
    })

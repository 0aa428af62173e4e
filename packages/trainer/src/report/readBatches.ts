import { stat } from 'node:fs/promises'
import { durianDefaults, type DurianOptions } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readJsonl } from '../run/jsonl.ts'
import { CompletionLine } from './recordCodecs.ts'
import { decodeLines, readRun } from './readRun.ts'
import { stepBatches, type StepBatch } from './stepBatch.ts'

/** Batches to analyse and the settings their estimators are to have. */
export interface Batches {
  readonly batches: ReadonlyArray<StepBatch>
  readonly options: DurianOptions
}

/** Batches out of a run folder (by step, with the run's settings) or a completions.jsonl (default settings). */
export const readBatches = (path: string): TE.TaskEither<TrainError, Batches> =>
  attempt(async (take) => {
    const found = await stat(path).catch(() => null)
    if (found === null)
      await take(E.left(badInput(`${path} does not exist; give a run folder or a JSONL file of rollouts.`)))
    if (found!.isDirectory()) {
      const { config, completions } = await take(readRun(path))
      const { weights, perceptual_quantiles, reasoning_groups } = config.durian
      return nonEmpty(take, path, {
        batches: stepBatches(completions),
        options: {
          weights,
          perceptualQuantiles: perceptual_quantiles,
          reasoningGroups: reasoning_groups,
          epsilon: config.std_epsilon,
          ddof: config.ddof,
        },
      })
    }
    const batches = stepBatches(await take(decodeLines(CompletionLine, await take(readJsonl(path)), path)))
    return nonEmpty(take, path, { batches, options: durianDefaults })
  })

const nonEmpty = async (
  take: <A>(effect: E.Either<TrainError, A>) => Promise<A>,
  path: string,
  batches: Batches,
): Promise<Batches> =>
  batches.batches.length === 0 ? take(E.left(badInput(`${path} holds no rollouts yet.`))) : batches

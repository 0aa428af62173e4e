import { stat } from 'node:fs/promises'
import { confidence, durianDefaults, rewardMidpoint, rightAbove, visualEntropy, type DurianOptions } from '@durian/core'
import { AdvantageRow } from '@durian/core/codec'
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

/**
 * Batches out of a run folder (by step, with the run's settings), a completions.jsonl, or a file of lines as `durian advantages` reads
 * them (one batch, default settings).
 */
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
    const lines = await take(readJsonl(path))
    const logged = lines[0] !== undefined && Object.hasOwn(lines[0] as object, 'completions')
    const batches = logged
      ? stepBatches(await take(decodeLines(CompletionLine, lines, path)))
      : batchOf(await take(decodeLines(AdvantageRow, lines, path)))
    return nonEmpty(take, path, { batches, options: durianDefaults })
  })

const nonEmpty = async (
  take: <A>(effect: E.Either<TrainError, A>) => Promise<A>,
  path: string,
  batches: Batches,
): Promise<Batches> =>
  batches.batches.length === 0 ? take(E.left(badInput(`${path} holds no rollouts yet.`))) : batches

/** Rows without a step are one batch; right is what scored above the middle of the rewards. */
const batchOf = (rows: ReadonlyArray<AdvantageRow>): ReadonlyArray<StepBatch> => {
  if (rows.length === 0) return []
  const rewards = rows.map((row) => row.rewards)
  return [
    {
      step: 1,
      samples: rows.map((row) => ({ rewards: row.rewards, entropy: entropyOf(row), confidence: confidenceOf(row) })),
      right: rightAbove(rewardMidpoint(rewards))(rewards),
    },
  ]
}

const entropyOf = ({ entropy, features }: AdvantageRow): number | null =>
  features === undefined || features === null
    ? (entropy ?? null)
    : visualEntropy({ rows: features.length, cols: features[0]!.length, data: features.flat() })

const confidenceOf = ({ rewards, logprobs, confidence: given }: AdvantageRow): number | null => {
  const scored = logprobs?.filter((_, i) => rewards[i] !== null) ?? []
  return scored.length === 0 ? (given ?? null) : confidence(scored, 'sequence-sum')
}

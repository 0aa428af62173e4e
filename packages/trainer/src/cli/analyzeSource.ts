import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { durianDefaults, rewardMidpoint, rightAbove, type Sample } from '@durian/core'
import { AdvantageRow } from '@durian/core/codec'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt, type Take } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readBatches, type Batches } from '../report/readBatches.ts'
import { confidenceOf, entropyOf } from './advantages.ts'
import { jsonRows, type OnError } from './jsonRows.ts'
import { linesOf, warn } from './lines.ts'

/** A log of a run, which has its completions on each line, and not rows for `durian advantages`. */
const isLog = async (path: string): Promise<boolean> => {
  for await (const line of linesOf(createReadStream(path)))
    if (line.trim() !== '') return /"completions"\s*:/.test(line)
  return false
}

export interface SourceOptions {
  readonly onError: OnError
  readonly say?: (sentence: string) => void
}

/** Rows of one batch; right is what scored above the middle of the batch's rewards. */
const rowsBatch = async (
  path: string,
  take: Take<TrainError>,
  { onError, say = warn }: SourceOptions,
): Promise<Batches> => {
  const reduce = (row: AdvantageRow): E.Either<string, Sample> =>
    E.right({ rewards: row.rewards, entropy: entropyOf(row), confidence: confidenceOf(row, 'sequence-sum') })
  const samples: Array<Sample> = []
  const options = { codec: AdvantageRow, reduce, onError, take, warn: say, source: path }
  for await (const sample of jsonRows(linesOf(createReadStream(path)), options)) samples.push(sample)
  if (samples.length === 0) return take(E.left(badInput(`${path} holds no rollouts.`)))
  const rewards = samples.map((sample) => sample.rewards)
  return {
    batches: [{ step: 1, samples, right: rightAbove(rewardMidpoint(rewards))(rewards) }],
    options: durianDefaults,
  }
}

/**
 * What `durian analyze` is given: a run folder, a completions.jsonl, or a file of lines as `durian advantages` reads them (one batch, default
 * settings), of which a few numbers a row are kept.
 */
export const readSource = (path: string, options: SourceOptions): TE.TaskEither<TrainError, Batches> =>
  attempt(async (take) => {
    const found = await stat(path).catch(() => null)
    if (found === null || found.isDirectory() || (await isLog(path))) return take(readBatches(path))
    return rowsBatch(path, take, options)
  })

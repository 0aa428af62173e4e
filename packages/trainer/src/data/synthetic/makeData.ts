import { taskEither as TE } from 'fp-ts'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runFailed, type TrainError } from '../../errors.ts'
import { writeParquet } from '../writeParquet.ts'
import { syntheticColumns, syntheticRow } from './rows.ts'
import { syntheticSample } from './sample.ts'
import { families, type Family, type SyntheticOptions } from './types.ts'

/** Streams of the splits' draws. The numbers are part of every data set: never change one. */
export const splitStreams = { train: 0, validation: 1, test: 2, sft: 3 } as const
export type Split = keyof typeof splitStreams
export const splits = Object.keys(splitStreams) as ReadonlyArray<Split>

/** The mix of questions: all alike for RL; the cold start sees `sides` twice, which it learns last. */
export const rlFamilies: SyntheticOptions['families'] = { bars: 1, count: 1, sides: 1, angle: 1 }
export const sftFamilies: SyntheticOptions['families'] = { bars: 1, count: 1, sides: 2, angle: 1 }

export interface MakeOptions {
  readonly directory: string
  readonly seed: number
  /** Rows per split; a split of 0 rows is not written. */
  readonly rows: Readonly<Record<Split, number>>
  readonly options: Readonly<Record<Split, SyntheticOptions>>
  readonly onProgress?: (progress: { readonly split: Split; readonly done: number; readonly of: number }) => void
}

export interface SplitSummary {
  readonly split: Split
  readonly path: string
  readonly rows: number
  readonly bytes: number
  readonly families: Readonly<Record<Family, number>>
}

/** Rows per row group: about 1 MB, and the unit of progress. */
const batch = 256

const makeSplit = async (split: Split, make: MakeOptions): Promise<SplitSummary> => {
  const { directory, seed, onProgress } = make
  const path = join(directory, `${split}.parquet`)
  const of = make.rows[split]
  const counts: Record<Family, number> = { bars: 0, count: 0, sides: 0, angle: 0 }
  async function* batches() {
    for (let start = 0; start < of; start += batch) {
      const samples = Array.from({ length: Math.min(batch, of - start) }, (_, i) =>
        syntheticSample({ seed, stream: splitStreams[split], row: start + i }, make.options[split]),
      )
      for (const { family } of samples) counts[family]++
      // Together: libvips encodes on all cores, 1.0 ms a picture against 2.2 one after the other.
      yield await Promise.all(samples.map((sample, i) => syntheticRow(sample, `${split}.parquet#${start + i}`)))
      onProgress?.({ split, done: start + samples.length, of })
    }
  }
  await writeParquet(path, syntheticColumns, batches())
  return { split, path, rows: of, bytes: (await stat(path)).size, families: counts }
}

/** Writes `train`, `validation`, `test` and `sft` as parquet in the Geometry3K schema; each file appears when it is whole. */
export const makeData = (make: MakeOptions): TE.TaskEither<TrainError, ReadonlyArray<SplitSummary>> =>
  TE.tryCatch(
    async () => {
      const summaries: Array<SplitSummary> = []
      for (const split of splits) if (make.rows[split] > 0) summaries.push(await makeSplit(split, make))
      return summaries
    },
    (thrown) => {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      return runFailed(`Could not write the data set into ${make.directory} (${reason}); mend that and run it again.`)
    },
  )

/** Every family has a count, in the order tables print them. */
export const familyCounts = ({ families: counts }: SplitSummary): string =>
  families.map((family) => `${family} ${counts[family]}`).join(', ')

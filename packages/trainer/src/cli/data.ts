import type { Command } from 'commander'
import { either as E, taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import {
  familyCounts,
  makeData,
  rlFamilies,
  sftFamilies,
  splits,
  splitStreams,
  type MakeOptions,
  type Split,
  type SplitSummary,
} from '../data/synthetic/makeData.ts'
import { writePreview } from '../data/synthetic/preview.ts'
import { registerDataCheck } from './dataCheck.ts'
import { numberFlag, type NumberRule } from './numberFlag.ts'
import { startProgress, type Progress } from './progress.ts'
import { printing, runCommand } from './runCommand.ts'
import { textTable } from './textTable.ts'

/** Flags of `durian data make` as commander hands them over. */
type MakeFlags = Readonly<
  Record<Split | 'seed' | 'noise' | 'clutter' | 'sft_noise' | 'sft_clutter' | 'out', string>
> & {
  readonly preview?: string
}

const rowLimit: NumberRule = { kind: 'whole', least: 0, most: 10_000_000 }
const noiseRule: NumberRule = { kind: 'real', least: 0, most: 2 }
const clutterRule: NumberRule = { kind: 'whole', least: 0, most: 1000 }

const makeOptionsOf = (flags: MakeFlags): TE.TaskEither<TrainError, MakeOptions> =>
  attempt(async (take) => {
    const number = (flag: keyof MakeFlags, rule: NumberRule) => take(numberFlag(flag, flags[flag] ?? '', rule))
    const rows = {
      train: await number('train', rowLimit),
      validation: await number('validation', rowLimit),
      test: await number('test', rowLimit),
      sft: await number('sft', rowLimit),
    }
    const rl = {
      noise: await number('noise', noiseRule),
      clutter: await number('clutter', clutterRule),
      families: rlFamilies,
    }
    const sft = {
      noise: await number('sft_noise', noiseRule),
      clutter: await number('sft_clutter', clutterRule),
      families: sftFamilies,
    }
    const seed = await number('seed', { kind: 'whole', least: 0 })
    if (splits.every((split) => rows[split] === 0))
      await take(E.left(badInput('All splits have 0 rows; ask for some, e.g. --train 4096.')))
    return { directory: flags.out, seed, rows, options: { train: rl, validation: rl, test: rl, sft } }
  })

const summaryTable = (summaries: ReadonlyArray<SplitSummary>): string =>
  textTable(
    [
      ['split', 'rows', 'MB', 'questions', 'file'],
      ...summaries.map((summary) => [
        summary.split,
        summary.rows,
        (summary.bytes / 1e6).toFixed(1),
        familyCounts(summary),
        summary.path,
      ]),
    ],
    { align: 'left' },
  )

/** One bar or run of lines per split. */
const splitProgress = (): NonNullable<MakeOptions['onProgress']> => {
  let current: { readonly split: Split; readonly progress: Progress } | null = null
  return ({ split, done, of }) => {
    if (current?.split !== split) current = { split, progress: startProgress({ label: `${split} rows`, total: of }) }
    current.progress.update(done)
    if (done === of) current.progress.stop()
  }
}

const preview = (path: string, { seed, options }: MakeOptions): TE.TaskEither<TrainError, string> =>
  TE.tryCatch(
    async () => {
      const samples = await writePreview(path, { seed, stream: splitStreams.train }, options.train)
      const lines = samples.map(({ problem, solution }, i) => `${i + 1}\t${problem}\t${solution}`)
      return [`Preview of the training pictures, in reading order: ${path}`, ...lines].join('\n')
    },
    (thrown) =>
      runFailed(`Could not write the preview ${path} (${thrown instanceof Error ? thrown.message : String(thrown)}).`),
  )

const make = (flags: MakeFlags): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const options = await take(makeOptionsOf(flags))
    const summaries = await take(makeData({ ...options, onProgress: splitProgress() }))
    const sheet = flags.preview === undefined ? [] : [await take(preview(flags.preview, options))]
    return [summaryTable(summaries), ...sheet].join('\n')
  })

/** Adds `durian data make` and `durian data check`. */
export const registerData = (program: Command): void => {
  const data = program.command('data').description('make and check data sets')
  data
    .command('make')
    .description('write the synthetic geometry data set as parquet in the Geometry3K schema')
    .requiredOption('--out <dir>', 'directory to write into; made if absent')
    .option('--train <rows>', 'training rows', '4096')
    .option('--validation <rows>', 'validation rows', '512')
    .option('--test <rows>', 'test rows', '1024')
    .option('--sft <rows>', 'rows for a supervised cold start', '0')
    .option('--seed <number>', 'the same seed gives the same data; splits never share a draw', '0')
    .option('--noise <sigma>', 'largest grey noise, 1 = white', '0.45')
    .option('--clutter <lines>', 'most line pieces behind the figure', '12')
    .option('--sft_noise <sigma>', 'the same for the cold start', '0.3')
    .option('--sft_clutter <lines>', 'the same for the cold start', '8')
    .option('--preview <file>', 'also write a sheet of example pictures (PNG)')
    .action((flags: MakeFlags) => runCommand(printing(make(flags))))
  registerDataCheck(data)
}

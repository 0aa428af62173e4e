import { type Command, Option } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { combineRewards, graders, type Grader } from '../reward/index.ts'
import { bootstrapInterval } from '../run/intervals.ts'
import { breakdown } from '../train/breakdown.ts'
import { evaluate } from '../train/evaluate.ts'
import { sampledEvaluation, sampledRates } from '../train/sampledEvaluation.ts'
import { addBackendFlags, type BackendFlags, backendOf, withChosenBackend } from './chosenBackend.ts'
import { addDataFlags, type DataFlags, openRows } from './dataFlags.ts'
import { numberFlag } from './numberFlag.ts'
import { addModelFlags, type ModelFlags, openModel, withWeights } from './openModel.ts'
import { startProgress } from './progress.ts'
import { printing, runCommand } from './runCommand.ts'
import { withHostWorkers, withWorkers } from '../workers/hostWorkers.ts'
import { addSamplingFlags, type SamplingFlags, samplingOf } from './samplingFlags.ts'

interface EvalFlags extends ModelFlags, DataFlags, SamplingFlags, BackendFlags {
  readonly samples?: string
  readonly by?: string
  readonly grader: Grader
  readonly num_workers: string
}

/** Columns that are broken down where the data have them and `--by` names none. */
const USUAL_COLUMNS = ['family', 'answer_type']

/** The parts of the rows by each column. Left: a column that no row has a value in. */
const partsBy = (
  rows: ReadonlyArray<Row>,
  by: string | undefined,
): E.Either<TrainError, ReadonlyArray<readonly [column: string, parts: ReturnType<typeof breakdown>]>> => {
  const columns = by === undefined ? USUAL_COLUMNS : by.split(',').map((name) => name.trim())
  const parts = columns.map((column) => [column, breakdown(rows, column)] as const)
  const empty = by === undefined ? undefined : parts.find(([, { size }]) => size === 0)
  if (empty === undefined) return E.right(parts.filter(([, { size }]) => size > 0))
  const present = [...new Set(rows.flatMap(({ extra }) => Object.keys(extra)))].filter(
    (column) => breakdown(rows, column).size > 0,
  )
  const mend = present.length === 0 ? 'the rows have none to break down by' : `take one of ${present.join(', ')}`
  return E.left(badInput(`--by ${empty[0]}: no row has a word or number in that column; ${mend}.`))
}

const run = (flags: EvalFlags): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const sampling = await take(samplingOf(flags, { greedy: 'refused', fewest: 0 }))
    const chosen = await take(backendOf(flags))
    const { numGenerations, temperature, topP, topK, seed, maxCompletionLength, batchSize } = sampling
    const samples =
      flags.samples === undefined ? null : await take(numberFlag('samples', flags.samples, { kind: 'whole', least: 1 }))
    const num_workers = await take(numberFlag('num_workers', flags.num_workers, { kind: 'whole', least: 0, most: 64 }))
    const model = await take(openModel(flags))
    const { processor, config: policy } = model
    const dataset = await take(openRows(flags, processor, { answers: 'required' }))
    const rows = samples === null ? dataset.rows : dataset.rows.slice(0, samples)
    const columns = await take(partsBy(rows, flags.by))
    const functions = [
      { name: 'accuracy_reward', weight: 0.9 },
      { name: 'boxed_format_reward', weight: 0.1 },
    ]
    const rewarder = await take(combineRewards({ functions, grader: flags.grader }))
    /** Some numbers of each part of the rows, by column and value. */
    const by = <A extends object>(of: (places: ReadonlyArray<number>) => A) =>
      Object.fromEntries(
        columns.map(([column, parts]) => [
          column,
          Object.fromEntries([...parts].map(([value, places]) => [value, { count: places.length, ...of(places) }])),
        ]),
      )
    const rates = (tallies: Parameters<typeof sampledRates>[0]) => {
      const { pass, majority } = sampledRates(tallies, { numGenerations, seed })
      const passes = Object.entries(pass).map(([k, rate]) => [`pass@${k}`, rate] as const)
      return { ...Object.fromEntries(passes), [`maj@${numGenerations}`]: majority }
    }
    return take(
      withChosenBackend(chosen)((backend) =>
        withWeights(backend, model, (params, base) =>
          withHostWorkers({ ...model.limits, model_name_or_path: model.folder, num_workers }, (workers) =>
            attempt<TrainError, string>(async (take) => {
              const context = withWorkers({ backend, policy, base, processor, rewarder }, workers)
              const progress = startProgress({ label: 'prompts', total: rows.length * (numGenerations > 0 ? 2 : 1) })
              const { count, accuracy, interval, format, mean_length, correct } = await take(
                evaluate(context)(params, dataset, {
                  ...{ step: 0, split: flags.data, maxCompletionLength, seed, samples, batchSize },
                  onProgress: (done) => progress.update(done, 'greedy'),
                }),
              )
              const drawing = { numGenerations, maxCompletionLength, temperature, topP, topK, seed, samples, batchSize }
              const onProgress = (done: number): void => progress.update(rows.length + done, 'sampled')
              const tallies =
                numGenerations === 0
                  ? null
                  : await take(sampledEvaluation(context)(params, dataset, { ...drawing, onProgress }))
              progress.stop()
              const accuracyOf = (places: ReadonlyArray<number>) => {
                const { mean, interval } = bootstrapInterval(
                  places.map((i) => correct[i]!),
                  { seed },
                )
                return { accuracy: mean, interval }
              }
              const greedy = { accuracy, interval, format, mean_length, by: by(accuracyOf) }
              const settings = { num_generations: numGenerations, temperature, top_p: topP, top_k: topK, seed }
              const sampled = tallies && {
                ...settings,
                ...rates(tallies),
                by: by((places) => rates(places.map((i) => tallies[i]!))),
              }
              const made = { model: flags.model, data: flags.data, rows: count, backend: backend.info.description }
              return JSON.stringify({ ...made, greedy, ...(sampled === null ? {} : { sampled }) }, null, 2)
            }),
          ),
        ),
      ),
    )
  })

/** Adds `durian eval`. */
export const registerEval = (program: Command): void => {
  const command = program
    .command('eval')
    .description(
      'Accuracy of a policy on a data set, as JSON: greedy, and with --num_generations pass@k and maj@k, each with a 95 % bootstrap interval ' +
        'over rows; the same for the rows of each value of the columns of --by.',
    )
  addDataFlags(addModelFlags(command))
  addSamplingFlags(command, {
    numGenerations: 0,
    maxCompletionLength: 32,
    generations: 'sampled completions per row for pass@k and maj@k; 0 = greedy only',
  })
    .option('--by <columns>', 'columns to break down by, as family,answer_type (default: these, where there are any)')
    .option('--samples <rows>', 'only the first rows')
    .addOption(
      new Option('--grader <name>', 'how answers are compared').choices(Object.keys(graders)).default('mathruler'),
    )
    .option('--num_workers <threads>', 'threads that prepare pictures and prompts; results do not depend on it', '0')
  addBackendFlags(command).action((flags: EvalFlags) => runCommand(printing(run(flags))))
}

import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { checkData, type CheckOptions, type DataReport, type Finding } from '../data/checkData.ts'
import { readFormatPrompt } from '../data/formatPrompt.ts'
import { locateData } from '../data/locate.ts'
import { countRecords } from '../data/records.ts'
import type { Spread } from '../data/spread.ts'
import { readConfig } from '../config/readConfig.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { dataOptions, makesColdStart } from '../train/prepare.ts'
import { startProgress } from './progress.ts'
import { runCommand } from './runCommand.ts'
import { textTable } from './textTable.ts'

interface CheckFlags {
  readonly config?: string
  readonly model?: string
  readonly max_prompt_length?: string
  readonly prompt_key?: string
  readonly answer_key?: string
  readonly image_key?: string
  readonly system_prompt?: string
  readonly format_prompt?: string
  readonly num_workers?: string
  readonly max_findings: string
  readonly json?: boolean
}

const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): string => textTable(rows, { align: 'left' })

const spread = (of: Spread | null, unit: string): string =>
  of === null ? 'none' : `${of.min} to ${of.max} ${unit}, median ${of.median}, 95 % up to ${of.p95}`

const findingLine = ({ severity, place, column, what, mend }: Finding): ReadonlyArray<string> => [
  severity,
  place,
  column,
  what,
  mend,
]

/** The report for people. */
export const reportText = (report: DataReport, shown: number): string => {
  const { answers, findings, errors, warnings } = report
  const kinds = Object.entries(answers).filter(([, count]) => count > 0)
  const facts = columns([
    ['rows', `${report.rows} in ${report.files.length} ${report.files.length === 1 ? 'file' : 'files'}`],
    ['pictures', `${report.pictures}, ${(report.bytes / 1e6).toFixed(1)} MB`],
    ['longer sides', spread(report.longSides, 'pixels')],
    ['shorter sides', spread(report.shortSides, 'pixels')],
    ['prompts', report.promptLengths === null ? 'not measured; --model does' : spread(report.promptLengths, 'tokens')],
    ['answers', kinds.length === 0 ? 'none' : kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')],
    ['solutions', String(report.solutions)],
    ['conversations', String(report.conversations)],
    ['doubles', String(report.duplicates)],
    ['other columns', report.extra.length === 0 ? 'none' : report.extra.join(', ')],
    ['errors', String(errors)],
    ['warnings', String(warnings)],
  ])
  if (findings.length === 0) return facts
  const listed = findings.slice(0, shown)
  const more = errors + warnings - listed.length
  return [
    facts,
    '',
    columns([['', 'row', 'column', 'what', 'mend'], ...listed.map(findingLine)]),
    ...(more > 0 ? [`… and ${more} more; --max_findings ${errors + warnings} shows all`] : []),
  ].join('\n')
}

const whole = (flag: string, text: string | undefined, least: number): E.Either<TrainError, number | undefined> => {
  if (text === undefined) return E.right(undefined)
  const value = Number(text)
  return text.trim() !== '' && Number.isSafeInteger(value) && value >= least
    ? E.right(value)
    : E.left(badInput(`--${flag} takes a whole number of at least ${least}, not "${text}".`))
}

/** Rows of all data sets, as far as they can be counted beforehand. */
const totalOf = async (specs: ReadonlyArray<string>): Promise<number> => {
  let total = 0
  for (const spec of specs) {
    const files = await locateData(spec)
    if (E.isRight(files)) for (const file of files.right) total += await countRecords(file)
  }
  return total
}

/** What is checked, and how its rows become prompts. */
interface Checked {
  readonly specs: ReadonlyArray<string>
  readonly options: CheckOptions
}

/** As the flags say. */
const flagged = (specs: ReadonlyArray<string>, flags: CheckFlags): TE.TaskEither<TrainError, Checked> =>
  attempt(async (take) => {
    if (specs.length === 0) await take(E.left(badInput('Name a data set, or a configuration with --config.')))
    const maxPromptLength = await take(whole('max_prompt_length', flags.max_prompt_length, 1))
    if (maxPromptLength !== undefined && flags.model === undefined)
      await take(E.left(badInput('--max_prompt_length counts tokens of a model; add --model DIR.')))
    const format = flags.format_prompt === undefined ? null : await take(readFormatPrompt(flags.format_prompt))
    return {
      specs,
      options: {
        columns: {
          prompt: flags.prompt_key ?? null,
          answer: flags.answer_key ?? null,
          images: flags.image_key ?? null,
        },
        systemPrompt: flags.system_prompt ?? null,
        formatPrompt: format,
        maxPromptLength: maxPromptLength ?? null,
        ...(flags.model === undefined ? {} : { processor: await take(loadProcessor(flags.model)) }),
      },
    }
  })

/** As a run of this configuration would read them: all its data sets, unless some are named. */
const configured = (specs: ReadonlyArray<string>, file: string): TE.TaskEither<TrainError, Checked> =>
  attempt(async (take) => {
    const config = await take(readConfig({ file }))
    const { dataset, validation_dataset: validation, test_dataset: test, sft } = config
    const all = [dataset, validation, test, makesColdStart(config) ? (sft?.dataset ?? null) : null]
    return {
      specs: specs.length > 0 ? specs : [...new Set(all.filter((spec) => spec !== null))],
      options: {
        ...(await take(dataOptions(config))),
        processor: await take(loadProcessor(config.model_name_or_path, config)),
        maxPromptLength: config.filter_overlong_prompts ? null : config.max_prompt_length,
      },
    }
  })

const check = (named: ReadonlyArray<string>, flags: CheckFlags): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const workers = await take(whole('num_workers', flags.num_workers, 1))
    const shown = (await take(whole('max_findings', flags.max_findings, 0))) ?? 0
    const checked = await take(flags.config === undefined ? flagged(named, flags) : configured(named, flags.config))
    const { specs } = checked
    const progress = startProgress({ label: 'rows', total: await totalOf(specs) })
    const options: CheckOptions = {
      ...checked.options,
      kept: Math.max(shown, 1000),
      ...(workers === undefined ? {} : { workers }),
      onRow: (done) => progress.update(done),
    }
    const report = await take(checkData(specs, options))
    progress.stop()
    process.stdout.write(`${flags.json === true ? JSON.stringify(report, null, 2) : reportText(report, shown)}\n`)
    if (report.errors > 0)
      await take(
        E.left(
          badInput(
            `${report.errors} ${report.errors === 1 ? 'error' : 'errors'} in ${specs.join(', ')}; mend the rows, or train with on_bad_row=skip.`,
          ),
        ),
      )
  })

/** Adds `durian data check`. */
export const registerDataCheck = (data: Command): void => {
  data
    .command('check')
    .description(
      'Read data sets and every picture in them once, and list what stops a run or is odd: row, column, what, mend. ' +
        'Exits with 2 when there are errors. Doubles are found across all data sets that are named.',
    )
    .argument('[data...]', 'file.parquet, file.jsonl or directory@split; with --config, its data sets when left out')
    .option(
      '--config <file>',
      'read rows as a run of this configuration would; the other flags on rows then have no effect',
    )
    .option('--model <folder>', 'measure prompts with the tokenizer, template and pixel limits of this model')
    .option('--max_prompt_length <tokens>', 'longer prompts are errors')
    .option('--prompt_key <column>', 'question or conversation; default problem, else prompt')
    .option('--answer_key <column>', 'gold answer; default answer, beside a prompt column else solution')
    .option('--image_key <column>', 'pictures; default images, else image')
    .option('--system_prompt <text>', 'counted in prompts that bring no system message')
    .option('--format_prompt <file>', 'Jinja template of the question, as in training')
    .option('--num_workers <n>', 'rows in work at once; default one a core')
    .option('--max_findings <n>', 'lines of the table', '50')
    .option('--json', 'the report as JSON')
    .action((specs: ReadonlyArray<string>, flags: CheckFlags) => runCommand(check(specs, flags)))
}

import { type Command, Option } from 'commander'
import type { taskEither as TE } from 'fp-ts'
import { type Dataset, type DatasetOptions, loadDataset } from '../data/dataset.ts'
import { readFormatPrompt } from '../data/formatPrompt.ts'
import { leftOutLines } from '../data/leftOut.ts'
import { usableRows } from '../data/usableRows.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { onErrorChoices, type OnError } from './jsonRows.ts'
import { warn } from './lines.ts'

/** Which rows, and how they become prompts. */
export interface DataFlags {
  readonly data: string
  readonly format_prompt?: string
  readonly system_prompt?: string
  readonly on_error: OnError
}

export const addDataFlags = (command: Command): Command =>
  command
    .requiredOption('--data <rows>', 'file.jsonl, file.parquet or folder@split; picture paths are relative to the file')
    .option('--format_prompt <prompt>', 'Jinja template of `content` that each question is put through, or its file')
    .option('--system_prompt <text>', 'system message of rows that bring none')
    .addOption(
      new Option('--on_error <what>', 'at a row that cannot be used: stop, or leave it out and count it on stderr')
        .choices(onErrorChoices)
        .default('fail'),
    )

/** Rows whose pictures are decoded before the first is computed. */
const PROBES = 8

/**
 * The rows that the flags name, checked before anything is computed: every row's columns and pictures' headers; with `skip` every row is
 * encoded, and what is left out is said on stderr.
 */
export const openRows = (
  flags: DataFlags,
  processor: Processor,
  { answers }: Required<Pick<DatasetOptions, 'answers'>>,
): TE.TaskEither<TrainError, Dataset> =>
  attempt(async (take) => {
    const { data, format_prompt: format, system_prompt: systemPrompt, on_error: onBadRow } = flags
    const formatPrompt = format === undefined ? null : await take(readFormatPrompt(format))
    const dataset = await take(
      loadDataset(data, { answers, onBadRow, formatPrompt, systemPrompt: systemPrompt ?? null }),
    )
    const probes = onBadRow === 'skip' ? Infinity : PROBES
    const rules = { maxPromptLength: null, filterOverlongPrompts: false, onBadRow, probes }
    const usable = await take(usableRows(processor, rules)(dataset))
    for (const line of leftOutLines(usable)) warn(line)
    return usable
  })

import { either as E, type taskEither as TE } from 'fp-ts'
import { basename, dirname } from 'node:path'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { leavingOut, noRows, type LeftOut } from './leftOut.ts'
import { locateData } from './locate.ts'
import { openRecords, unreadable, type ReadRecord } from './records.ts'
import { columnsIn, rowOf, type Columns, type RowReading } from './row.ts'
import { problemSentence, type RowProblem } from './rowProblem.ts'
import type { Row } from './types.ts'

/** All rows of one split, pictures still encoded. At least one row. */
export interface Dataset {
  readonly rows: ReadonlyArray<Row>
  /** As the user named it. */
  readonly source: string
  /** Absent when no row was. */
  readonly leftOut?: LeftOut
}

export interface DatasetOptions {
  readonly columns?: Partial<Columns>
  /** Default `required`. */
  readonly answers?: RowReading['answers']
  readonly systemPrompt?: string | null
  readonly formatPrompt?: ((text: string) => string) | null
  /** A row that cannot be used: `fail`, the default, or `skip`, left out and counted. */
  readonly onBadRow?: 'fail' | 'skip'
}

const usual: Columns = { prompt: null, answer: null, images: null, solution: null, id: null }

/** How the records of one file become rows. */
export const readingOf = (file: string, options: DatasetOptions): RowReading => ({
  columns: { ...usual, ...options.columns },
  answers: options.answers ?? 'required',
  directory: dirname(file),
  systemPrompt: options.systemPrompt ?? null,
  formatPrompt: options.formatPrompt ?? null,
})

/** The column that is needed and not there; null when there is none. */
export const missingColumn = ({ columns, answers }: RowReading, present: ReadonlyArray<string>): string | null => {
  const { prompt, answer } = columnsIn(columns, present)
  const needed = answers === 'required' ? [prompt, answer] : [prompt]
  return needed.find((name) => !present.includes(name)) ?? null
}

/** Where a record is, as a sentence begins. */
export const placeOf = (file: string, { index, line, record }: ReadRecord): string =>
  E.isLeft(record) ? `In ${file}, line ${line ?? index}` : `Row ${index} of ${file}`

/**
 * Reads and checks a data set: `file.parquet`, `file.jsonl`, `directory@split`, or a directory with one split.
 * Parquet is read a row group at a time and pictures stay encoded, so memory is about the files' size.
 *
 * Left (BadInput): an absent or broken file, a missing column, or the first row whose answer cannot be compared or whose
 * pictures and `<image>` marks disagree; with `onBadRow: 'skip'` such rows are left out and counted.
 */
export const loadDataset = (spec: string, options: DatasetOptions = {}): TE.TaskEither<TrainError, Dataset> =>
  attempt(async (take) => {
    const refuse = (sentence: string) => take<never>(E.left(badInput(sentence)))
    const files = await take(E.mapLeft(badInput)(await locateData(spec)))
    const rows: Array<Row> = []
    const ids = new Set<string>()
    const left = leavingOut()
    for (const file of files) {
      const reading = readingOf(file, options)
      const { columns, records } = await take(E.mapLeft(badInput)(await openRecords(file)))
      const missing = columns === null ? null : missingColumn(reading, columns)
      if (missing !== null)
        await refuse(`Data ${file} has no column "${missing}", only ${columns!.join(', ')}; rename one of them, or name the right one with columns.*.`) // prettier-ignore
      const toRow = rowOf(reading)
      const rowIn = (read: ReadRecord): Promise<E.Either<RowProblem, Row>> =>
        E.isLeft(read.record)
          ? Promise.resolve(read.record)
          : toRow(read.record.right, `${basename(file)}#${read.index}`)
      const broken = async function* () {
        try {
          yield* records()
        } catch (thrown) {
          yield unreadable(file, thrown instanceof Error ? thrown.message : String(thrown))
        }
      }
      for await (const read of broken()) {
        if (typeof read === 'string') return refuse(read)
        const row = await rowIn(read)
        if (E.isLeft(row)) {
          const sentence = problemSentence(placeOf(file, read), row.left)
          if (options.onBadRow !== 'skip') await refuse(sentence)
          left.add('bad', sentence)
          continue
        }
        if (ids.has(row.right.id))
          await refuse(`Data ${spec} has two rows with the id "${row.right.id}"; make ids unique or drop the column.`)
        ids.add(row.right.id)
        rows.push(row.right)
      }
    }
    if (rows.length === 0) await take(E.left(noRows(spec, left.result())))
    return { rows, source: spec, ...left.result() }
  })

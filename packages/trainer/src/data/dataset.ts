import { either as E, type taskEither as TE } from 'fp-ts'
import { readFile } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { jsonLines } from './jsonl.ts'
import { locateData } from './locate.ts'
import { openParquet } from './parquet.ts'
import { defaultColumns, rowOf, type Columns, type RowReading } from './row.ts'
import type { Row } from './types.ts'

/** All rows of one split, pictures still encoded. At least one row. */
export interface Dataset {
  readonly rows: ReadonlyArray<Row>
  /** As the user named it. */
  readonly source: string
}

export interface DatasetOptions {
  readonly columns?: Partial<Columns>
  /** Default `required`. */
  readonly answers?: RowReading['answers']
}

type Rows = E.Either<string, ReadonlyArray<Row>>

/** Records to rows, numbered from 0 over the file; Left names the file and row. */
const collect = async (
  file: string,
  records: AsyncIterable<Readonly<Record<string, unknown>>> | Iterable<Readonly<Record<string, unknown>>>,
  reading: RowReading,
): Promise<Rows> => {
  const toRow = rowOf(reading)
  const rows: Array<Row> = []
  for await (const record of records) {
    const id = `${basename(file)}#${rows.length}`
    const row = await toRow(record, id)
    if (E.isLeft(row)) return E.left(`Row ${rows.length} of ${file} ${row.left}.`)
    rows.push(row.right)
  }
  return E.right(rows)
}

const readParquetRows = async (path: string, reading: RowReading): Promise<Rows> => {
  const opened = await openParquet(path)
  const unreadable = (reason: string): Rows =>
    E.left(`Data ${path} is not a whole parquet file (${reason}); write or download it again.`)
  if (E.isLeft(opened)) return unreadable(opened.left)
  const { columns: present, groups } = opened.right
  const { problem, answer } = reading.columns
  const needed = reading.answers === 'required' ? [problem, answer] : [problem]
  const missing = needed.find((name) => !present.includes(name))
  if (missing !== undefined)
    return E.left(`Data ${path} has no column "${missing}", only ${present.join(', ')}; rename one of them.`)
  async function* records() {
    for await (const group of groups()) yield* group
  }
  try {
    return await collect(path, records(), reading)
  } catch (thrown) {
    return unreadable(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

const readJsonlRows = async (path: string, reading: RowReading): Promise<Rows> => {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    return E.left(`Data ${path} cannot be read; check its permissions.`)
  }
  const lines = jsonLines(text)
  if (E.isLeft(lines)) return E.left(`In ${path}, ${lines.left}; write one object per line.`)
  return collect(
    path,
    lines.right.map(({ record }) => record),
    reading,
  )
}

/** The first id that two rows share. */
const repeatedId = (rows: ReadonlyArray<Row>): string | null => {
  const seen = new Set<string>()
  for (const { id } of rows) {
    if (seen.has(id)) return id
    seen.add(id)
  }
  return null
}

/**
 * Reads and checks a data set: `file.parquet`, `file.jsonl`, `directory@split`, or a directory with one split.
 * Parquet is read a row group at a time and pictures stay encoded, so memory is about the files' size.
 *
 * Left (BadInput): an absent or broken file, a missing column, or the first row whose answer cannot be compared or whose
 * pictures and `<image>` marks disagree.
 */
export const loadDataset = (spec: string, options: DatasetOptions = {}): TE.TaskEither<TrainError, Dataset> =>
  attempt(async (take) => {
    const files = await take(E.mapLeft(badInput)(await locateData(spec)))
    const rows: Array<Row> = []
    for (const file of files) {
      const reading: RowReading = {
        columns: { ...defaultColumns, ...options.columns },
        answers: options.answers ?? 'required',
        directory: dirname(file),
      }
      const read = extname(file) === '.jsonl' ? readJsonlRows : readParquetRows
      for (const row of await take(E.mapLeft(badInput)(await read(file, reading)))) rows.push(row)
    }
    if (rows.length === 0) await take(E.left(badInput(`Data ${spec} has no rows; write some into it.`)))
    const repeated = repeatedId(rows)
    if (repeated !== null)
      await take(
        E.left(badInput(`Data ${spec} has two rows with the id "${repeated}"; make ids unique or drop the column.`)),
      )
    return { rows, source: spec }
  })

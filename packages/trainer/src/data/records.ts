import { either as E } from 'fp-ts'
import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { openParquet } from './parquet.ts'
import { rowProblem, type RowProblem } from './rowProblem.ts'

export type DataRecord = Readonly<Record<string, unknown>>

/** One record of a file, or why there is none at this place. */
export interface ReadRecord {
  /** Counted from 0 over the file's records. */
  readonly index: number
  /** Of a JSONL file, counted from 1, blank lines included; null for parquet. */
  readonly line: number | null
  readonly record: E.Either<RowProblem, DataRecord>
}

/** A data file that has been opened; `records` reads it a row group or a line at a time. */
export interface Records {
  /** Null where each record has its own. */
  readonly columns: ReadonlyArray<string> | null
  /** Null where only the end will tell. */
  readonly count: number | null
  /** Rejects with an Error when the rest of the file cannot be read. */
  readonly records: () => AsyncGenerator<ReadRecord>
}

const parsed = (source: string, line: number): E.Either<RowProblem, DataRecord> => {
  const bad = (what: string) => E.left(rowProblem(`line ${line}`, what, 'write one object per line'))
  try {
    const value: unknown = JSON.parse(source)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return E.right(value as DataRecord)
    return bad('is not a JSON object')
  } catch {
    return bad('is not JSON')
  }
}

async function* jsonLines(path: string): AsyncGenerator<ReadRecord> {
  const stream = createReadStream(path, 'utf8')
  let line = 0
  let index = 0
  try {
    for await (const source of createInterface({ input: stream, crlfDelay: Infinity })) {
      line++
      if (source.trim() !== '') yield { index: index++, line, record: parsed(line === 1 ? source.replace(/^\uFEFF/, '') : source, line) } // prettier-ignore
    }
  } finally {
    stream.destroy()
  }
}

/** Opens a .parquet or .jsonl file. Left: the whole sentence why it cannot be read. */
export const openRecords = async (path: string): Promise<E.Either<string, Records>> => {
  if (extname(path) === '.jsonl') return E.right({ columns: null, count: null, records: () => jsonLines(path) })
  const opened = await openParquet(path)
  if (E.isLeft(opened)) return E.left(unreadable(path, opened.left))
  const { columns, rows, groups } = opened.right
  async function* records(): AsyncGenerator<ReadRecord> {
    let index = 0
    for await (const group of groups())
      for (const record of group) yield { index: index++, line: null, record: E.right(record) }
  }
  return E.right({ columns, count: rows, records })
}

/** Why a data file cannot be read, as a sentence. */
export const unreadable = (path: string, reason: string): string =>
  extname(path) === '.jsonl'
    ? `Data ${path} cannot be read (${reason}); check its permissions.`
    : `Data ${path} is not a whole parquet file (${reason}); write or download it again.`

/** Records of a file for a progress bar: the footer's number, or the lines of a JSONL file; 0 when it cannot be read. */
export const countRecords = async (path: string): Promise<number> => {
  const opened = await openRecords(path)
  if (E.isLeft(opened)) return 0
  if (opened.right.count !== null) return opened.right.count
  let lines = 1
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>)
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
  } catch {
    return 0
  }
  return lines
}

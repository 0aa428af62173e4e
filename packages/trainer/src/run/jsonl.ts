import { readFile } from 'node:fs/promises'
import { either as E, type taskEither as TE } from 'fp-ts'
import { badInput, type TrainError } from '../errors.ts'

/** One record as a line. Numbers that JSON cannot write (NaN, infinities) become null. */
export const jsonLine = (record: object): string => `${JSON.stringify(record)}\n`

/**
 * The records of a log. A last line without its newline was cut off by a crash and is left out.
 * Left: file and line of a line that is not JSON.
 */
export const parseJsonl = (text: string, file: string): E.Either<TrainError, ReadonlyArray<unknown>> => {
  const lines = text.split('\n')
  lines.pop()
  const records: Array<unknown> = []
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue
    try {
      records.push(JSON.parse(line))
    } catch {
      return E.left(
        badInput(`${file} line ${i + 1} is not JSON; the file was changed by hand or is not a log of a run.`),
      )
    }
  }
  return E.right(records)
}

/** Reads a log; a missing file is an empty log. */
export const readJsonl =
  (file: string): TE.TaskEither<TrainError, ReadonlyArray<unknown>> =>
  async () => {
    try {
      return parseJsonl(await readFile(file, 'utf8'), file)
    } catch (thrown) {
      const { code } = thrown as { readonly code?: string }
      return code === 'ENOENT'
        ? E.right([])
        : E.left(badInput(`${file} could not be read (${code ?? String(thrown)}).`))
    }
  }

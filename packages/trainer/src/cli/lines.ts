import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt, type Take } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'

/**
 * Lines of a byte stream, UTF-8, split at `\n` alone (a `\r` before it is dropped). Node's readline also splits at U+2028, which JSON allows
 * inside a string. A byte order mark is dropped.
 */
export const linesOf = async function* (chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let pending: Array<string> = []
  const line = (): string => {
    const text = pending.join('')
    pending = []
    return text.endsWith('\r') ? text.slice(0, -1) : text
  }
  for await (const chunk of chunks) {
    const parts = (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })).split('\n')
    for (let i = 0; i < parts.length - 1; i++) {
      pending.push(parts[i]!)
      yield line()
    }
    pending.push(parts.at(-1)!)
  }
  pending.push(decoder.decode())
  const last = line()
  if (last !== '') yield last
}

/** Characters gathered before a write: one write a line would be slow on a pipe. */
const WRITE_AT = 2 ** 16

/** Writes lines as they come, waiting whenever the reader is slower. When the lines end with an error, those before it are written. */
export const writeLines = async (
  out: NodeJS.WritableStream,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<void> => {
  let gathered: Array<string> = []
  let length = 0
  const flush = async (): Promise<void> => {
    const ready = out.write(gathered.join(''))
    gathered = []
    length = 0
    if (!ready) await once(out, 'drain')
  }
  try {
    for await (const line of lines) {
      gathered.push(line, '\n')
      length += line.length
      if (length > WRITE_AT) await flush()
    }
  } finally {
    if (gathered.length > 0) await flush()
  }
}

/** Lines to lines; `take` ends it with an error, as in `attempt`. */
export type LineFilter = (lines: AsyncIterable<string>, take: Take<TrainError>) => AsyncIterable<string>

/**
 * A filter from standard input to standard output; lines go out as they are ready. Left also when standard input is a terminal or a folder,
 * where Node would wait or see nothing.
 */
export const filterStdin = (filter: LineFilter): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    if (process.stdin.isTTY)
      await take(E.left(badInput('Standard input is a terminal: give the rows with "< rows.jsonl".')))
    if (fstatSync(0).isDirectory())
      await take(E.left(badInput('Standard input is a folder: give a file of JSON lines.')))
    await writeLines(process.stdout, filter(linesOf(process.stdin), take))
  })

/** A sentence beside the results: on standard error. */
export const warn = (sentence: string): void => void process.stderr.write(`${sentence}\n`)

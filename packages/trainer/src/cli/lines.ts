import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import { either as E, type taskEither as TE } from 'fp-ts'
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

/** Writes lines, waiting whenever the reader is slower. */
export const writeLines = async (out: NodeJS.WritableStream, lines: Iterable<string>): Promise<void> => {
  let gathered: Array<string> = []
  let length = 0
  const flush = async (): Promise<void> => {
    const ready = out.write(gathered.join(''))
    gathered = []
    length = 0
    if (!ready) await once(out, 'drain')
  }
  for (const line of lines) {
    gathered.push(line, '\n')
    length += line.length
    if (length > WRITE_AT) await flush()
  }
  if (gathered.length > 0) await flush()
}

/**
 * A filter from standard input to standard output: nothing is written when `run` fails. Left also when standard input is a terminal or
 * a folder, where Node would wait or see nothing.
 */
export const filterStdin =
  (
    run: (lines: AsyncIterable<string>) => TE.TaskEither<TrainError, Iterable<string>>,
  ): TE.TaskEither<TrainError, void> =>
  async () => {
    if (process.stdin.isTTY) return E.left(badInput('Standard input is a terminal: give the rows with "< rows.jsonl".'))
    if (fstatSync(0).isDirectory()) return E.left(badInput('Standard input is a folder: give a file of JSON lines.'))
    const result = await run(linesOf(process.stdin))()
    if (E.isLeft(result)) return result
    await writeLines(process.stdout, result.right)
    return E.right(undefined)
  }

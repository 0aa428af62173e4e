import { problems } from '@durian/core/codec'
import { either as E } from 'fp-ts'
import type * as t from 'io-ts'
import type { Take } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { idTable } from './idTable.ts'

/** What happens at a line that cannot be used. */
export const onErrorChoices = ['fail', 'skip'] as const
export type OnError = (typeof onErrorChoices)[number]

/** Kinds of bad lines, as the summary of the skipped ones names them. */
const kinds = {
  json: 'not JSON',
  shape: 'with a wrong or missing field',
  repeated: 'with the id of an earlier line',
  use: 'without what this estimator needs',
} as const
type Kind = keyof typeof kinds

interface Fault {
  readonly kind: Kind
  readonly message: string
}

const fault = (kind: Kind, message: string): E.Either<Fault, never> => E.left({ kind, message })

/** A line that cannot be used. */
const lineError = (source: string, number: number, { message }: Fault): TrainError =>
  badInput(`${source}, line ${number}: ${message.replace(/\.$/, '')}.`)

const parsed = (line: string): E.Either<Fault, unknown> => {
  try {
    return E.right(JSON.parse(line) as unknown)
  } catch (thrown) {
    const bare = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    const mend = /\bNaN\b|\bInfinity\b/.test(bare)
      ? 'NaN and Infinity are not JSON; write null for a reward that could not be computed'
      : 'write one JSON object a line'
    return fault('json', `it is not JSON (${(thrown as Error).message}): ${mend}`)
  }
}

/** A row of one of the commands that read JSON lines. */
interface Identified {
  readonly id: string
}

export interface JsonRowsOptions<Row, A> {
  readonly codec: t.Type<Row, unknown>
  /** What is kept of a row, so that a batch may be larger than memory. Left: what is wrong that the row's shape alone cannot say. */
  readonly reduce: (row: Row) => E.Either<string, A>
  /** `fail`: the first bad line ends the whole. `skip`: bad lines are left out and counted. */
  readonly onError: OnError
  readonly take: Take<TrainError>
  /** Where the lines come from, as an error names it; default standard input. */
  readonly source?: string
  /** Hears of the skipped lines, once, at the end. */
  readonly warn: (sentence: string) => void
}

/**
 * Reads JSON lines one at a time, checks each and yields what `reduce` keeps of it, in order. Empty lines are left out. Bad are: no JSON,
 * a row that its codec refuses, an id that occurred before, and what `reduce` refuses; the error names the line.
 */
export const jsonRows = async function* <Row extends Identified, A>(
  lines: AsyncIterable<string>,
  { codec, reduce, onError, take, warn, source = 'Standard input' }: JsonRowsOptions<Row, A>,
): AsyncGenerator<A> {
  const ids = idTable()
  const skipped = new Map<Kind, number>()
  let firstSkipped: TrainError | undefined
  let number = 0
  let rows = 0

  const row = (line: string): E.Either<Fault, A> => {
    const json = parsed(line)
    if (E.isLeft(json)) return json
    const decoded = codec.decode(json.right)
    if (E.isLeft(decoded)) return fault('shape', problems(decoded.left))
    const { id } = decoded.right
    const reduced = reduce(decoded.right)
    if (E.isLeft(reduced)) return fault('use', reduced.left)
    const before = ids.lineBefore(id, number)
    return before === undefined
      ? reduced
      : fault('repeated', `the id ${JSON.stringify(id)} is also on line ${before}: give each row an id of its own`)
  }

  for await (const line of lines) {
    number++
    if (line.trim() === '') continue
    rows++
    const result = row(line)
    if (E.isRight(result)) {
      yield result.right
      continue
    }
    const error = lineError(source, number, result.left)
    if (onError === 'fail') await take(E.left(error))
    firstSkipped ??= error
    skipped.set(result.left.kind, (skipped.get(result.left.kind) ?? 0) + 1)
  }
  if (firstSkipped !== undefined) warn(summary(skipped, rows, firstSkipped))
}

/** Skipped 3 of 12 rows: 1 not JSON, 2 with the id of an earlier line. The first: … */
const summary = (skipped: ReadonlyMap<Kind, number>, rows: number, first: TrainError): string => {
  const total = [...skipped.values()].reduce((sum, count) => sum + count, 0)
  const parts = (Object.keys(kinds) as ReadonlyArray<Kind>).flatMap((kind) =>
    skipped.has(kind) ? [`${skipped.get(kind)} ${kinds[kind]}`] : [],
  )
  const example = 'message' in first ? ` The first: ${first.message}` : ''
  return `Skipped ${total} of ${rows} rows: ${parts.join(', ')}.${example}`
}

import { problems } from '@durian/core/codec'
import { either as E, type taskEither as TE } from 'fp-ts'
import type * as t from 'io-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'

/** A line of standard input that cannot be used. */
const badLine = (number: number, message: string): TrainError =>
  badInput(`Standard input, line ${number}: ${message.replace(/\.$/, '')}.`)

const parsed = (line: string, number: number): E.Either<TrainError, unknown> => {
  try {
    return E.right(JSON.parse(line) as unknown)
  } catch (thrown) {
    const bare = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    const mend = /\bNaN\b|\bInfinity\b/.test(bare)
      ? 'NaN and Infinity are not JSON; write null for a reward that could not be computed'
      : 'write one JSON object a line'
    return E.left(badLine(number, `it is not JSON (${(thrown as Error).message}): ${mend}`))
  }
}

/** A row of one of the commands that read JSON lines. */
interface Identified {
  readonly id: string
}

/**
 * Reads JSON lines, checks each and keeps of it what `reduce` returns, so that a batch may be larger than memory. Empty lines are skipped.
 *
 * @param reduce - Left: what is wrong with a row that its shape alone cannot say
 * @returns one entry a row, in order; Left names the line: no JSON, a wrong row, or an id that occurred before
 */
export const readJsonRows = <Row extends Identified, A>(
  lines: AsyncIterable<string>,
  codec: t.Type<Row, unknown>,
  reduce: (row: Row) => E.Either<string, A>,
): TE.TaskEither<TrainError, ReadonlyArray<A>> =>
  attempt(async (take) => {
    const rows: Array<A> = []
    const lineOf = new Map<string, number>()
    let number = 0
    for await (const line of lines) {
      number++
      if (line.trim() === '') continue
      const decoded = codec.decode(await take(parsed(line, number)))
      if (E.isLeft(decoded)) return take<never>(E.left(badLine(number, problems(decoded.left))))
      const row = decoded.right
      const before = lineOf.get(row.id)
      if (before !== undefined) {
        const message = `the id ${JSON.stringify(row.id)} is also on line ${before}: give each row an id of its own`
        return take<never>(E.left(badLine(number, message)))
      }
      lineOf.set(row.id, number)
      const reduced = reduce(row)
      if (E.isLeft(reduced)) return take<never>(E.left(badLine(number, reduced.left)))
      rows.push(reduced.right)
    }
    return rows
  })

import { availableParallelism } from 'node:os'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { answerKind, type AnswerKind } from '../reward/answer.ts'
import { missingColumn, readingOf } from './dataset.ts'
import { locateData } from './locate.ts'
import { lookAt, type LookOptions } from './lookAt.ts'
import { openRecords, unreadable } from './records.ts'
import { rowProblem, type RowProblem } from './rowProblem.ts'
import { counting, type Spread } from './spread.ts'

/** Something about a row (or, without one, about a file) that stops a run, or that somebody should know. */
export interface Finding extends RowProblem {
  readonly severity: 'error' | 'warning'
  /** `Row 3 of train.parquet`, `In rows.jsonl, line 3`, `Data train.parquet`. */
  readonly place: string
}

export interface CheckOptions extends LookOptions {
  /** Rows in work at once; default one a core. The report does not depend on it. */
  readonly workers?: number
  /** Findings kept with their text; the others are only counted. Default 1000. */
  readonly kept?: number
  readonly onRow?: (done: number) => void
}

export interface DataReport {
  readonly files: ReadonlyArray<string>
  readonly rows: number
  readonly pictures: number
  /** Encoded, bytes. */
  readonly bytes: number
  readonly solutions: number
  readonly conversations: number
  readonly answers: Readonly<Record<AnswerKind, number>>
  readonly duplicates: number
  readonly errors: number
  readonly warnings: number
  readonly findings: ReadonlyArray<Finding>
  /** Tokens; null without a processor. */
  readonly promptLengths: Spread | null
  /** Longer and shorter sides, pixels; null without pictures. */
  readonly longSides: Spread | null
  readonly shortSides: Spread | null
  /** Columns beside the usual ones. */
  readonly extra: ReadonlyArray<string>
}

/** The results of `look`, in order, a few in work at once. */
async function* ahead<A, B>(items: AsyncIterable<A>, window: number, look: (item: A) => Promise<B>): AsyncGenerator<B> {
  const waiting: Array<Promise<B>> = []
  for await (const item of items) {
    waiting.push(look(item))
    if (waiting.length >= window) yield await waiting.shift()!
  }
  for (const one of waiting) yield await one
}

/**
 * Reads data sets once, a row group or a line at a time, every picture to its last pixel, and says all that is wrong or odd. Beside the rows in
 * work, memory holds some 100 bytes a row, for ids and doubles; doubles are looked for across all data sets that are named.
 *
 * Left (BadInput): a data set that is not there. All else is a finding.
 */
export const checkData = (
  specs: ReadonlyArray<string>,
  options: CheckOptions = {},
): TE.TaskEither<TrainError, DataReport> =>
  attempt(async (take) => {
    const kept = options.kept ?? 1000
    const findings: Finding[] = []
    const counts = { error: 0, warning: 0 }
    const note = (severity: Finding['severity'], place: string, problem: RowProblem): void => {
      counts[severity]++
      if (findings.length < kept) findings.push({ severity, place, ...problem })
    }
    const files: string[] = []
    const [lengths, long, short] = [counting(), counting(), counting()]
    const answers: Record<AnswerKind, number> = { value: 0, list: 0, text: 0, unreadable: 0 }
    const extra = new Set<string>()
    const firstOf = new Map<string, string>()
    let [rows, pictures, bytes, solutions, conversations, duplicates] = [0, 0, 0, 0, 0, 0]

    for (const spec of specs) {
      const located = await locateData(spec)
      const ids = new Map<string, string>()
      for (const file of await take(
        E.mapLeft((message: string): TrainError => ({ _tag: 'BadInput', message }))(located),
      )) {
        files.push(file)
        const whole = (what: string, mend: string): void => note('error', `Data ${file}`, rowProblem('', what, mend))
        const opened = await openRecords(file)
        if (E.isLeft(opened)) {
          whole('is not a whole file', opened.left.replace(/\.$/, ''))
          continue
        }
        const { columns, records } = opened.right
        const missing = columns === null ? null : missingColumn(readingOf(file, options), columns)
        if (missing !== null) {
          whole(`has no column "${missing}", only ${columns!.join(', ')}`, 'rename one of them, or name the right one')
          continue
        }
        try {
          for await (const looked of ahead(
            records(),
            Math.max(1, options.workers ?? availableParallelism()),
            lookAt(file, options),
          )) {
            // prettier-ignore
            const { place, row } = looked
            options.onRow?.(++rows)
            for (const problem of looked.problems) note('error', place, problem)
            for (const [longSide, shortSide] of looked.sizes) {
              long.add(longSide)
              short.add(shortSide)
            }
            if (looked.length !== null) lengths.add(looked.length)
            if (row === null) continue
            pictures += row.images.length
            bytes += row.images.reduce((sum, image) => sum + image.byteLength, 0)
            if (row.solution !== undefined) solutions++
            if (row.messages !== undefined) conversations++
            answers[answerKind(row.answer)]++
            for (const name of Object.keys(row.extra)) extra.add(name)
            const sameId = ids.get(row.id)
            if (sameId !== undefined)
              note('error', place, rowProblem('id', `has the id "${row.id}" of ${sameId}`, 'make ids unique or drop the column')) // prettier-ignore
            else ids.set(row.id, place)
            const twin = firstOf.get(looked.hash)
            if (twin === undefined) firstOf.set(looked.hash, place)
            else {
              duplicates++
              note('warning', place, rowProblem('prompt', `has the question and pictures of ${twin}`, 'leave one out'))
            }
          }
        } catch (thrown) {
          whole('cannot be read to its end', unreadable(file, thrown instanceof Error ? thrown.message : String(thrown)).replace(/\.$/, '')) // prettier-ignore
        }
      }
    }
    if (rows === 0 && counts.error === 0)
      note('error', `Data ${specs.join(', ')}`, rowProblem('', 'has no rows', 'write some into it'))
    return {
      files,
      rows,
      pictures,
      bytes,
      solutions,
      conversations,
      answers,
      duplicates,
      errors: counts.error,
      warnings: counts.warning,
      findings,
      promptLengths: lengths.spread(),
      longSides: long.spread(),
      shortSides: short.spread(),
      extra: [...extra],
    }
  })

import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { sentence, type TrainError } from '../errors.ts'
import { decodePicture } from '../processor/decodePicture.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { answerKind, type AnswerKind } from '../reward/answer.ts'
import { missingColumn, placeOf, readingOf, type DatasetOptions } from './dataset.ts'
import { locateData } from './locate.ts'
import { promptLength } from './promptLength.ts'
import { openRecords, unreadable, type ReadRecord } from './records.ts'
import { rowOf, type RowReading } from './row.ts'
import { rowProblem, type RowProblem } from './rowProblem.ts'
import { counting, type Spread } from './spread.ts'
import type { Row } from './types.ts'

/** Something about a row (or, without one, about a file) that stops a run, or that somebody should know. */
export interface Finding extends RowProblem {
  readonly severity: 'error' | 'warning'
  /** `Row 3 of train.parquet`, `In rows.jsonl, line 3`, `Data train.parquet`. */
  readonly place: string
}

export interface CheckOptions extends DatasetOptions {
  /** With it, prompts are measured and rows with special tokens encoded. */
  readonly processor?: Processor
  /** Tokens; longer prompts are errors. Needs the processor. */
  readonly maxPromptLength?: number | null
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

/** What one row says for itself, whatever the others are. */
interface Looked {
  readonly place: string
  readonly row: Row | null
  readonly problems: ReadonlyArray<RowProblem>
  readonly sizes: ReadonlyArray<readonly [long: number, short: number]>
  readonly length: number | null
  /** Of the question and its pictures. */
  readonly hash: string
}

const hashOf = ({ problem, images }: Row): string => {
  const hash = createHash('sha256').update(problem)
  for (const image of images) hash.update('\0').update(image)
  return hash.digest('base64').slice(0, 16)
}

/** A row by itself: its cells, the last pixel of its pictures, its prompt. */
const lookAt =
  (file: string, options: CheckOptions) =>
  async (read: ReadRecord): Promise<Looked> => {
    const reading = readingOf(file, options)
    const place = placeOf(file, read)
    const nothing = { place, row: null, sizes: [], length: null, hash: '' }
    if (E.isLeft(read.record)) return { ...nothing, problems: [read.record.left] }
    const problems: RowProblem[] = []
    const rowIn = (answers: RowReading['answers']) =>
      rowOf({ ...reading, answers })((read.record as E.Right<Readonly<Record<string, unknown>>>).right, `${basename(file)}#${read.index}`) // prettier-ignore
    let found = await rowIn(reading.answers)
    if (E.isLeft(found)) {
      problems.push(found.left)
      // The rest of a row whose answer is wrong is looked at too.
      found = await rowIn('unchecked')
      if (E.isLeft(found)) return { ...nothing, problems }
    }
    const row = found.right
    const sizes: Array<readonly [number, number]> = []
    for (const [i, bytes] of row.images.entries()) {
      const picture = await decodePicture(bytes)()
      if (E.isRight(picture)) {
        const { width, height } = picture.right
        sizes.push([Math.max(width, height), Math.min(width, height)])
      } else problems.push(rowProblem('images', `has a picture that cannot be used: image ${i + 1}: ${picture.left}`, 'replace it')) // prettier-ignore
    }
    let length: number | null = null
    if (options.processor !== undefined && problems.length === 0) {
      const measured = await promptLength(options.processor)(row)
      if (E.isLeft(measured)) problems.push(rowProblem('images', `has ${measured.left}`, 'replace it'))
      else length = measured.right
      const asked = row.messages?.map(({ content }) => content).join('\n') ?? row.problem
      const encoded = asked.includes('<|') ? await encodePrompt(options.processor)(row)() : null
      if (encoded !== null && E.isLeft(encoded))
        problems.push(rowProblem('prompt', `cannot be encoded: ${sentence(encoded.left).replace(/\.$/, '')}`, 'take special tokens out of its text')) // prettier-ignore
      const limit = options.maxPromptLength ?? Infinity
      if (length !== null && length > limit)
        problems.push(
          rowProblem(
            'prompt',
            `has a prompt of ${length} tokens, above ${limit}`,
            'raise max_prompt_length, or set filter_overlong_prompts=true',
          ),
        )
    }
    return { place, row, problems, sizes, length, hash: hashOf(row) }
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

import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { either as E } from 'fp-ts'
import { sentence } from '../errors.ts'
import { decodePicture } from '../processor/decodePicture.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { placeOf, readingOf, type DatasetOptions } from './dataset.ts'
import { promptLength } from './promptLength.ts'
import type { ReadRecord } from './records.ts'
import { rowOf, type RowReading } from './row.ts'
import { rowProblem, type RowProblem } from './rowProblem.ts'
import type { Row } from './types.ts'

/** How rows are read, and what their prompts are measured with. */
export interface LookOptions extends DatasetOptions {
  /** With it, prompts are measured and rows with special tokens encoded. */
  readonly processor?: Processor
  /** Tokens; longer prompts are errors. Needs the processor. */
  readonly maxPromptLength?: number | null
}

/** What one row says for itself, whatever the others are. */
export interface Looked {
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
export const lookAt =
  (file: string, options: LookOptions) =>
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

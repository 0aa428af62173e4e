import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, sentence, type TrainError } from '../errors.ts'
import { pictureHeader } from '../processor/decodePicture.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import type { Dataset } from './dataset.ts'
import { leavingOut, noRows } from './leftOut.ts'
import { promptLength } from './promptLength.ts'
import type { Row } from './types.ts'

export interface UsableOptions {
  /** Tokens; null = no limit. */
  readonly maxPromptLength: number | null
  /** Leave longer prompts out and count them; else they are an error. */
  readonly filterOverlongPrompts: boolean
  readonly onBadRow: 'fail' | 'skip'
  /** Rows that are encoded to the last pixel, beside those whose text holds a special token. */
  readonly probes: number
}

type Fault = { readonly kind: 'bad' | 'overlong'; readonly sentence: string }

/**
 * A data set as this policy can take it. Every picture's header is read, every prompt measured where there is a limit, and some rows are encoded
 * whole: those whose text holds a special token, which is what makes image tokens and pictures disagree, and the first `probes`.
 *
 * Left (BadInput): the first row that cannot be used; those that may be left out are counted instead.
 */
export const usableRows =
  (processor: Processor, { maxPromptLength, filterOverlongPrompts, onBadRow, probes }: UsableOptions) =>
  (dataset: Dataset): TE.TaskEither<TrainError, Dataset> =>
    attempt(async (take) => {
      const { source } = dataset
      const lengthOf = promptLength(processor)
      const bad = (reason: string): Fault => ({ kind: 'bad', sentence: reason })

      const faultOf = async (row: Row, i: number): Promise<Fault | null> => {
        const asked = row.messages?.map(({ content }) => content).join('\n') ?? row.problem
        if (i < probes || asked.includes('<|')) {
          const prompt = await encodePrompt(processor)(row)()
          if (E.isLeft(prompt)) return bad(sentence(prompt.left))
        }
        if (maxPromptLength === null) {
          for (const [k, bytes] of row.images.entries()) {
            const header = await pictureHeader(bytes)
            if (E.isLeft(header)) return bad(`Row '${row.id}': image ${k + 1}: ${header.left}.`)
          }
          return null
        }
        const length = await lengthOf(row)
        if (E.isLeft(length)) return bad(`Row '${row.id}': ${length.left}.`)
        if (length.right <= maxPromptLength) return null
        return {
          kind: 'overlong',
          sentence:
            `Row ${row.id} of ${source} has a prompt of ${length.right} tokens; raise max_prompt_length (${maxPromptLength}), ` +
            `set filter_overlong_prompts=true, lower max_pixels in preprocessor_config.json, or leave the row out.`,
        }
      }

      const left = leavingOut(dataset.leftOut)
      const rows: Row[] = []
      for (const [i, row] of dataset.rows.entries()) {
        const fault = await faultOf(row, i)
        if (fault === null) {
          rows.push(row)
          continue
        }
        const mayGo = fault.kind === 'overlong' ? filterOverlongPrompts : onBadRow === 'skip'
        if (!mayGo) return take(E.left(badInput(fault.sentence)))
        left.add(fault.kind, fault.sentence)
      }
      if (rows.length === 0) return take(E.left(noRows(source, left.result())))
      return { rows, source, ...left.result() }
    })

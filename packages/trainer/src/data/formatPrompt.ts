import { readFile } from 'node:fs/promises'
import { either as E, type taskEither as TE } from 'fp-ts'
import { badInput, type TrainError } from '../errors.ts'
import { formatPrompts } from './formatPrompts.ts'
import { formatPrompt } from '../processor/chatTemplate.ts'

/**
 * The format prompt that `format_prompt` gives: the template itself where it holds `{{`, one of ours by name, or a file.
 * Left (BadInput): it cannot be read, or is no Jinja template.
 */
export const readFormatPrompt =
  (given: string): TE.TaskEither<TrainError, (text: string) => string> =>
  async () => {
    const known: Readonly<Record<string, string>> = formatPrompts
    let source: string
    try {
      source = given.includes('{{') ? given : (known[given] ?? (await readFile(given, 'utf8')))
    } catch {
      return E.left(
        badInput(
          `format_prompt ${given} cannot be read; name a file with a Jinja template of \`content\`, write the template itself, or take ${Object.keys(known).join(' or ')}.`,
        ),
      )
    }
    return E.tryCatch(
      () => {
        const format = formatPrompt(source)
        format('')
        return format
      },
      (thrown) => badInput(`format_prompt ${given}: ${(thrown as Error).message.split('\n')[0]}.`),
    )
  }

import { readFile } from 'node:fs/promises'
import { either as E, type taskEither as TE } from 'fp-ts'
import { badInput, type TrainError } from '../errors.ts'
import { formatPrompt } from '../processor/chatTemplate.ts'

/** The format prompt of a file, as `format_prompt` names it. Left (BadInput): it cannot be read, or is no Jinja template. */
export const readFormatPrompt =
  (path: string): TE.TaskEither<TrainError, (text: string) => string> =>
  async () => {
    let source: string
    try {
      source = await readFile(path, 'utf8')
    } catch {
      return E.left(badInput(`format_prompt ${path} cannot be read; name a file with a Jinja template of \`content\`.`))
    }
    return E.tryCatch(
      () => {
        const format = formatPrompt(source)
        format('')
        return format
      },
      (thrown) => badInput(`format_prompt ${path}: ${(thrown as Error).message.split('\n')[0]}.`),
    )
  }

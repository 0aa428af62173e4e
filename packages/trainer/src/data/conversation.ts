import { either as E } from 'fp-ts'
import { textOf } from './cells.ts'
import { rowProblem, type RowProblem } from './rowProblem.ts'
import type { Message } from './types.ts'

/** The mark of a picture's place in a text. */
export const placeholder = '<image>'
export const countPlaceholders = (text: string): number => text.split(placeholder).length - 1

/** A prompt as its cell gives it. */
export interface Prompt {
  readonly messages: ReadonlyArray<Message>
  /** Pictures that stand in the conversation itself, in order. */
  readonly pictures: ReadonlyArray<unknown>
}

type Json = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const roles: ReadonlySet<unknown> = new Set(['system', 'user', 'assistant'])

/** The picture that a part carries with it, under the names that TRL, transformers and OpenAI use; undefined: it is in the row's own column. */
const carried = (part: Json): unknown => {
  const { image_url: imageUrl } = part
  const found = part.image ?? part.path ?? part.url ?? part.base64 ?? (isRecord(imageUrl) ? imageUrl.url : imageUrl)
  return found ?? undefined
}

/**
 * A conversation as TRL and transformers write it: `[{role, content}]`, a content either text or parts `{type: 'text', text}` and
 * `{type: 'image'}`, whose pictures come with the part or from the row's column of pictures.
 */
export const conversation = (cell: ReadonlyArray<unknown>, column: string): E.Either<RowProblem, Prompt> => {
  const bad = (what: string, mend: string): E.Either<RowProblem, never> => E.left(rowProblem(column, what, mend))
  const messages: Message[] = []
  const pictures: unknown[] = []
  for (const message of cell) {
    if (!isRecord(message) || !roles.has(textOf(message.role)))
      return bad(
        `has a message that is not {role, content} with role system, user or assistant in column "${column}"`,
        'write one object a message',
      )
    const { content } = message
    const parts = Array.isArray(content) ? (content as ReadonlyArray<unknown>) : [{ type: 'text', text: content }]
    let text = ''
    for (const part of parts) {
      const type = isRecord(part) ? textOf(part.type) : null
      if (isRecord(part) && type === 'text' && textOf(part.text) !== null) text += textOf(part.text)!
      else if (isRecord(part) && (type === 'image' || type === 'image_url')) {
        text += placeholder
        const picture = carried(part)
        if (picture !== undefined) pictures.push(picture)
      } else
        return bad(
          `has a ${type ?? 'nameless'} part in its conversation that cannot be read`,
          "only {type: 'text', text} and {type: 'image'} are understood; leave it out",
        )
    }
    messages.push({ role: textOf(message.role) as Message['role'], content: text })
  }
  if (messages.at(-1)?.role !== 'user')
    return bad(
      `has a conversation that ends with ${messages.length === 0 ? 'nothing' : `the ${messages.at(-1)!.role}`}`,
      "end it with the user's message, which the policy answers",
    )
  return E.right({ messages, pictures })
}

/** TRL's rule for conversations that name no place for their pictures: before the first words of the user. */
export const withPicturesFirst = (messages: ReadonlyArray<Message>, count: number): ReadonlyArray<Message> => {
  const first = messages.findIndex(({ role }) => role === 'user')
  return messages.map((message, i) =>
    i === first ? { ...message, content: placeholder.repeat(count) + message.content } : message,
  )
}

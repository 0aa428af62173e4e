import { either as E } from 'fp-ts'
import { goldFault } from '../reward/answer.ts'
import { lastBoxed } from '../reward/boxed.ts'
import { jsonOf, textOf } from './cells.ts'
import { conversation, countPlaceholders, placeholder, withPicturesFirst, type Prompt } from './conversation.ts'
import { pictureBytes, pictureCells } from './images.ts'
import { rowProblem, type RowProblem } from './rowProblem.ts'
import type { Message, Row } from './types.ts'

/** Which column holds what; null = the usual names. EasyR1 calls these `prompt_key`, `answer_key`, `image_key`. */
export interface Columns {
  readonly prompt: string | null
  readonly answer: string | null
  readonly images: string | null
  readonly solution: string | null
  readonly id: string | null
}

/** How a file's records become rows. */
export interface RowReading {
  readonly columns: Columns
  /** `optional`: a row may lack its answer, which is then '' (scoring and generating need none); `unchecked`: it may be anything. */
  readonly answers: 'required' | 'optional' | 'unchecked'
  /** Where relative picture paths start. */
  readonly directory: string
  /** The system message of rows that bring none; null = none. */
  readonly systemPrompt: string | null
  /** The last user's message from its text. */
  readonly formatPrompt: ((text: string) => string) | null
}

/** The columns of a file with these columns: a configured name as it is, else the first of the usual ones. */
export const columnsIn = (
  columns: Columns,
  present: ReadonlyArray<string>,
): Readonly<Record<keyof Columns, string>> => {
  const first = (...names: readonly [string, ...string[]]): string =>
    names.find((name) => present.includes(name)) ?? names[0]
  const prompt = columns.prompt ?? first('problem', 'prompt')
  // TRL's rows have the gold answer in `solution`.
  const answer = columns.answer ?? (prompt === 'prompt' ? first('answer', 'solution') : 'answer')
  const solution = columns.solution ?? (answer === 'solution' ? '' : 'solution')
  return { prompt, answer, solution, images: columns.images ?? first('images', 'image'), id: columns.id ?? 'id' }
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** A prompt's messages and its own pictures; a text is one user's message. */
const promptOf = (cell: unknown, column: string): E.Either<RowProblem, Prompt & { readonly spoken: boolean }> => {
  if (Array.isArray(cell)) return E.map((prompt: Prompt) => ({ ...prompt, spoken: true }))(conversation(cell, column))
  const text = textOf(cell)
  if (text === null || text.trim() === '')
    return E.left(rowProblem(column, `has no text in column "${column}"`, 'fill it or leave the row out'))
  return E.right({ messages: [{ role: 'user', content: text }], pictures: [], spoken: column === 'prompt' })
}

const marksIn = (messages: ReadonlyArray<Message>): number =>
  messages.reduce((sum, { content }) => sum + countPlaceholders(content), 0)

/** What the policy is asked, or nothing when that is the problem itself. */
const asked = (messages: ReadonlyArray<Message>, { systemPrompt, formatPrompt }: RowReading): Pick<Row, 'messages'> => {
  const system: ReadonlyArray<Message> =
    systemPrompt === null || messages[0]?.role === 'system' ? [] : [{ role: 'system', content: systemPrompt }]
  const formatted = messages.map((message, i) =>
    formatPrompt !== null && i === messages.length - 1
      ? { ...message, content: formatPrompt(message.content) }
      : message,
  )
  const all = [...system, ...formatted]
  return all.length === 1 && formatPrompt === null ? {} : { messages: all }
}

/** One row from one record. Left: what is wrong with it. */
export const rowOf =
  (reading: RowReading) =>
  async (record: Readonly<Record<string, unknown>>, fallbackId: string): Promise<E.Either<RowProblem, Row>> => {
    const columns = columnsIn(reading.columns, Object.keys(record))
    const prompt = promptOf(record[columns.prompt], columns.prompt)
    if (E.isLeft(prompt)) return prompt
    const gold = textOf(record[columns.answer])
    const answer = gold === null ? null : (lastBoxed(gold) ?? gold)
    if (reading.answers === 'required' || (reading.answers === 'optional' && answer !== null)) {
      const fault = answer === null ? 'is empty' : goldFault(answer)
      if (fault !== null)
        return E.left(
          rowProblem(
            columns.answer,
            `has an answer that ${fault}`,
            `mend column "${columns.answer}" or leave the row out`,
          ),
        )
    }
    const cells = prompt.right.pictures.length > 0 ? prompt.right.pictures : pictureCells(record[columns.images])
    const given = prompt.right.messages
    const placed = prompt.right.spoken && marksIn(given) === 0 ? withPicturesFirst(given, cells.length) : given
    const places = marksIn(placed)
    if (places !== cells.length)
      return E.left(
        rowProblem(
          columns.prompt,
          `has ${plural(cells.length, 'picture')} and ${plural(places, `${placeholder} mark`)}`,
          `write one ${placeholder} per picture into its ${columns.prompt}`,
        ),
      )
    const images: Array<Uint8Array> = []
    for (const cell of cells) {
      const bytes = await pictureBytes(cell, reading.directory)
      if (E.isLeft(bytes)) return E.left(rowProblem(columns.images, ...bytes.left))
      images.push(bytes.right)
    }
    const solution = textOf(record[columns.solution])
    const used = new Set<string>(Object.values(columns))
    return E.right({
      id: textOf(record[columns.id]) ?? fallbackId,
      problem: placed
        .filter(({ role }) => role !== 'system')
        .map(({ content }) => content)
        .join('\n\n'),
      ...asked(placed, reading),
      answer: answer ?? '',
      images,
      ...(solution === null ? {} : { solution }),
      extra: Object.fromEntries(
        Object.entries(record)
          .filter(([key]) => !used.has(key))
          .map(([key, value]) => [key, jsonOf(value)]),
      ),
    })
  }

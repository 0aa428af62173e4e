import { either as E } from 'fp-ts'
import { jsonOf, textOf } from './cells.ts'
import { pictureBytes, pictureCells } from './images.ts'
import type { Row } from './types.ts'
import { goldFault } from '../reward/answer.ts'

/** Which column holds what; EasyR1 calls these `prompt_key`, `answer_key`, `image_key`. */
export interface Columns {
  readonly problem: string
  readonly answer: string
  readonly images: string
  readonly solution: string
}

export const defaultColumns: Columns = { problem: 'problem', answer: 'answer', images: 'images', solution: 'solution' }

/** How a file's records become rows. */
export interface RowReading {
  readonly columns: Columns
  /** `optional`: a row may lack its answer, which is then '' (scoring and generating need none). */
  readonly answers: 'required' | 'optional'
  /** Where relative picture paths start. */
  readonly directory: string
}

/** The mark of a picture's place in the problem. */
const placeholder = '<image>'
const countPlaceholders = (problem: string): number => problem.split(placeholder).length - 1

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** One row from one record; Left: the end of a sentence that begins with the row. */
export const rowOf =
  ({ columns, answers, directory }: RowReading) =>
  async (record: Readonly<Record<string, unknown>>, fallbackId: string): Promise<E.Either<string, Row>> => {
    const { id: givenId, [columns.problem]: problemCell, [columns.answer]: answerCell, ...others } = record
    const { [columns.images]: imageCell, [columns.solution]: solutionCell, ...extra } = others
    const problem = textOf(problemCell)
    if (problem === null || problem.trim() === '')
      return E.left(`has no text in column "${columns.problem}"; fill it or leave the row out`)
    const answer = textOf(answerCell)
    if (answers === 'required' || answer !== null) {
      const fault = answer === null ? 'is empty' : goldFault(answer)
      if (fault !== null)
        return E.left(`has an answer that ${fault}; mend column "${columns.answer}" or leave the row out`)
    }
    const cells = pictureCells(imageCell)
    const places = countPlaceholders(problem)
    if (places !== cells.length)
      return E.left(
        `has ${plural(cells.length, 'picture')} and ${plural(places, `${placeholder} mark`)}; write one ${placeholder} per picture into its problem`,
      )
    const images: Array<Uint8Array> = []
    for (const cell of cells) {
      const bytes = await pictureBytes(cell, directory)
      if (E.isLeft(bytes)) return bytes
      images.push(bytes.right)
    }
    const solution = solutionCell === null || solutionCell === undefined ? null : textOf(solutionCell)
    return E.right({
      id: textOf(givenId) ?? fallbackId,
      problem,
      answer: answer ?? '',
      images,
      ...(solution === null ? {} : { solution }),
      extra: Object.fromEntries(Object.entries(extra).map(([key, value]) => [key, jsonOf(value)])),
    })
  }

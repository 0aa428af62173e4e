import type { Row } from '../types.ts'
import type { ExtraColumn } from '../writeParquet.ts'
import { pngOf } from './png.ts'
import type { SyntheticSample } from './types.ts'

/** The sample's columns beside images, problem, answer and solution. */
export const syntheticColumns: ReadonlyArray<ExtraColumn> = [
  { name: 'direct', type: 'text' },
  { name: 'family', type: 'text' },
  { name: 'steps', type: 'integer' },
  { name: 'noise', type: 'real' },
  { name: 'clutter', type: 'integer' },
]

/** The sample as a row of a data set, its picture as PNG. */
export const syntheticRow = async (sample: SyntheticSample, id: string): Promise<Row> => {
  const { problem, answer, solution, direct, family, steps, noise, clutter } = sample
  return {
    id,
    problem,
    answer,
    images: [await pngOf(sample)],
    solution,
    extra: { direct, family, steps, noise, clutter },
  }
}

import { either as E, type taskEither as TE } from 'fp-ts'
import sharp from 'sharp'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { loadDataset, type DatasetOptions } from './dataset.ts'

export interface DataSummary {
  readonly rows: number
  readonly pictures: number
  /** Encoded, bytes. */
  readonly bytes: number
  readonly solutions: number
  /** Smallest and largest picture side, pixels; null without pictures. */
  readonly sides: readonly [smallest: number, largest: number] | null
  /** Columns beside the usual ones. */
  readonly extra: ReadonlyArray<string>
}

/** Loads a data set and reads every picture's header. Left (BadInput): what `loadDataset` refuses, or a picture that is none. */
export const checkData = (spec: string, options: DatasetOptions = {}): TE.TaskEither<TrainError, DataSummary> =>
  attempt(async (take) => {
    const { rows } = await take(loadDataset(spec, options))
    let [pictures, bytes, smallest, largest] = [0, 0, Infinity, 0]
    for (const { id, images } of rows) {
      for (const image of images) {
        const size = await sharp(image)
          .metadata()
          .catch(() => null)
        if (size === null)
          return take(E.left(badInput(`Row ${id} of ${spec} has a picture that is not PNG, JPEG or WebP; replace it.`)))
        pictures++
        bytes += image.byteLength
        smallest = Math.min(smallest, size.width, size.height)
        largest = Math.max(largest, size.width, size.height)
      }
    }
    return {
      rows: rows.length,
      pictures,
      bytes,
      solutions: rows.filter(({ solution }) => solution !== undefined).length,
      sides: pictures === 0 ? null : [smallest, largest],
      extra: [...new Set(rows.flatMap((row) => Object.keys(row.extra)))],
    }
  })

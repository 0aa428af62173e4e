import { either as E } from 'fp-ts'
import { pictureHeader } from '../processor/decodePicture.ts'

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** The size in a picture's header, pixels; nothing is decoded. Left: a clause on what is wrong with the bytes. */
export const pictureSize = async (bytes: Uint8Array): Promise<E.Either<string, PictureSize>> =>
  E.map(({ width, height }: PictureSize) => ({ width, height }))(await pictureHeader(bytes))

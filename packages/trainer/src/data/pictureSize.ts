import { either as E } from 'fp-ts'
import sharp from 'sharp'

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** The size in a picture's header, pixels; nothing is decoded. Left: a clause on what is wrong with the bytes. */
export const pictureSize = async (bytes: Uint8Array): Promise<E.Either<string, PictureSize>> => {
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata()
    return E.right({ width, height })
  } catch {
    return E.left('it is no PNG, JPEG or WebP')
  }
}

import { either as E, type taskEither as TE } from 'fp-ts'
import sharp from 'sharp'
import type { Picture } from './pillowResize.ts'

/**
 * Decode PNG, JPEG or WebP to RGB as Pillow's `convert('RGB')`: alpha is dropped and not blended, a colour profile is not applied,
 * the orientation tag is not followed.
 *
 * @returns Left: a clause on what is wrong with the bytes
 */
export const decodePicture =
  (bytes: Uint8Array): TE.TaskEither<string, Picture> =>
  async () => {
    try {
      const { data, info } = await sharp(bytes, { ignoreIcc: true, failOn: 'error' })
        .removeAlpha()
        .toColourspace('srgb')
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true })
      if (info.channels !== 3) return E.left(`it has ${info.channels} colour channels`)
      return E.right({ width: info.width, height: info.height, data: new Uint8Array(data) })
    } catch (thrown) {
      return E.left(`it cannot be decoded (${(thrown as Error).message.split('\n')[0]})`)
    }
  }

import { either as E, type taskEither as TE } from 'fp-ts'
import sharp, { type Metadata, type Sharp } from 'sharp'
import type { Picture } from './pillowResize.ts'

/** Formats that Pillow reads too, to the byte (goldens/pictures.json). */
const FORMATS: ReadonlyArray<string | undefined> = ['png', 'jpeg', 'webp', 'gif']
/** Where Pillow begins to warn of a decompression bomb: a quarter of a gigabyte of RGB (Pillow@11.3 src/PIL/Image.py, MAX_IMAGE_PIXELS). */
const MAX_PIXELS = 89_478_485

/** Pillow's a * b / 255, rounded, for 8-bit values. */
const timesOver255 = (a: number, b: number): number => {
  const product = a * b + 128
  return ((product >> 8) + product) >> 8
}

/** Four inks to RGB without a colour profile: Pillow@11.3 src/libImaging/Convert.c, cmyk2rgb. */
const fromInks = (inks: Uint8Array): Uint8Array => {
  const rgb = new Uint8Array((inks.length / 4) * 3)
  for (let i = 0, out = 0; i < inks.length; i += 4) {
    const light = 255 - inks[i + 3]!
    for (let ink = 0; ink < 3; ink++) rgb[out++] = Math.max(0, light - timesOver255(inks[i + ink]!, light))
  }
  return rgb
}

/** 16-bit grey in three equal channels to 8 bits as Pillow has it: cut off at 255 and not scaled, so that most pictures turn white. */
const cutOff = (words: Uint16Array): Uint8Array => Uint8Array.from(words, (word) => Math.min(255, word))

/** The pixels as RGB, by the one way of three that agrees with Pillow for this kind of picture. */
const rgbOf = async (image: Sharp, { space, hasAlpha }: Metadata): Promise<Picture> => {
  const raw = (colour: string, depth: 'uchar' | 'ushort') =>
    image.toColourspace(colour).raw({ depth }).toBuffer({ resolveWithObject: true })
  if (space === 'cmyk') {
    image.pipelineColourspace('cmyk') // else the inks pass through a profile and back
    const { data, info } = await raw('cmyk', 'uchar')
    return { width: info.width, height: info.height, data: fromInks(data) }
  }
  if (space === 'grey16' && !hasAlpha) {
    const { data, info } = await raw('rgb16', 'ushort')
    return { width: info.width, height: info.height, data: cutOff(new Uint16Array(new Uint8Array(data).buffer)) }
  }
  const { data, info } = await raw('srgb', 'uchar')
  return { width: info.width, height: info.height, data: new Uint8Array(data) }
}

const reader = (bytes: Uint8Array): Sharp => sharp(bytes, { ignoreIcc: true, failOn: 'error', limitInputPixels: false })

/** What a picture's header says; no pixel is decoded. Left: a clause on what is wrong with the bytes, or that they are too many. */
export const pictureHeader = async (bytes: Uint8Array): Promise<E.Either<string, Metadata>> => {
  try {
    const metadata = await reader(bytes).metadata()
    const { format, width, height } = metadata
    if (!FORMATS.includes(format)) return E.left(`it is in ${format} format; PNG, JPEG, WebP and GIF can be read`)
    if (width * height > MAX_PIXELS)
      return E.left(`its ${width} x ${height} pixels are more than ${MAX_PIXELS}; make it smaller`)
    return E.right(metadata)
  } catch {
    return E.left('it is no PNG, JPEG, WebP or GIF, or is damaged')
  }
}

/**
 * Decode PNG, JPEG, WebP or GIF (the first frame) to RGB as the loaders of transformers (`load_image`) and datasets (`Image`) do with Pillow:
 * the orientation tag is followed, alpha is dropped and not blended, a colour profile is not applied.
 *
 * @returns Left: a clause on what is wrong with the bytes
 */
export const decodePicture =
  (bytes: Uint8Array): TE.TaskEither<string, Picture> =>
  async () => {
    const header = await pictureHeader(bytes)
    if (E.isLeft(header)) return header
    try {
      return E.right(await rgbOf(reader(bytes).autoOrient().removeAlpha(), header.right))
    } catch (thrown) {
      return E.left(`it cannot be decoded (${(thrown as Error).message.split('\n')[0]})`)
    }
  }

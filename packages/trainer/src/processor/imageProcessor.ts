import { either as E, type taskEither as TE } from 'fp-ts'
import * as t from 'io-ts'
import { attempt } from '../effect.ts'
import type { ProcessedImage } from '../policy/types.ts'
import { decodePicture } from './decodePicture.ts'
import { patchify, type PatchOptions } from './patchify.ts'
import { pillowResize } from './pillowResize.ts'
import { smartResize } from './smartResize.ts'

export interface ImageSettings extends PatchOptions {
  readonly minPixels: number
  readonly maxPixels: number
}

const Triple = t.tuple([t.number, t.number, t.number])
const Json = t.partial({
  image_processor_type: t.string,
  patch_size: t.number,
  temporal_patch_size: t.number,
  merge_size: t.number,
  min_pixels: t.union([t.number, t.null]),
  max_pixels: t.union([t.number, t.null]),
  size: t.partial({ shortest_edge: t.number, longest_edge: t.number, min_pixels: t.number, max_pixels: t.number }),
  image_mean: Triple,
  image_std: Triple,
  rescale_factor: t.number,
  resample: t.number,
  do_resize: t.boolean,
  do_rescale: t.boolean,
  do_normalize: t.boolean,
  do_convert_rgb: t.boolean,
})

/**
 * Names of the processor in releases of Qwen2.5-VL and of transformers. The Fast ones resize with torchvision, which rounds otherwise: what is
 * computed here is the slow one, with Pillow.
 */
const PROCESSORS = /^Qwen2(_5_)?VLImageProcessor(Fast|Pil)?$/
/** Pillow's number of the bicubic filter. */
const BICUBIC = 3

/** Read `preprocessor_config.json`; defaults are those of Hugging Face's Qwen2VLImageProcessor. Left: a clause that names the key. */
export const decodeImageSettings = (json: unknown): E.Either<string, ImageSettings> => {
  const decoded = Json.decode(json)
  if (E.isLeft(decoded)) {
    const { context } = decoded.left[0]!
    return E.left(`${context.map(({ key }) => key).find((key) => key !== '') ?? 'it'} has a wrong type`)
  }
  const found = decoded.right
  if (found.image_processor_type !== undefined && !PROCESSORS.test(found.image_processor_type))
    return E.left(`image_processor_type: "${found.image_processor_type}" is not supported, only Qwen2VLImageProcessor`)
  if ((found.resample ?? BICUBIC) !== BICUBIC)
    return E.left(`resample: ${found.resample} is not supported, only 3 (bicubic)`)
  for (const key of ['do_resize', 'do_rescale', 'do_normalize', 'do_convert_rgb'] as const)
    if (found[key] === false) return E.left(`${key}: false is not supported`)
  const settings: ImageSettings = {
    patchSize: found.patch_size ?? 14,
    temporalPatchSize: found.temporal_patch_size ?? 2,
    mergeSize: found.merge_size ?? 2,
    minPixels: found.min_pixels ?? found.size?.min_pixels ?? found.size?.shortest_edge ?? 56 * 56,
    maxPixels: found.max_pixels ?? found.size?.max_pixels ?? found.size?.longest_edge ?? 28 * 28 * 1280,
    rescaleFactor: found.rescale_factor ?? 1 / 255,
    mean: found.image_mean ?? [0.48145466, 0.4578275, 0.40821073],
    std: found.image_std ?? [0.26862954, 0.26130258, 0.27577711],
  }
  const sizes = [
    settings.patchSize,
    settings.temporalPatchSize,
    settings.mergeSize,
    settings.minPixels,
    settings.maxPixels,
  ]
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0))
    return E.left('sizes and pixel limits must be positive integers')
  return E.right(settings)
}

/** Encoded picture -> pixel rows and grid, as Hugging Face's Pillow-backed processor, bit for bit. Left: a clause on what is wrong. */
export const processImage =
  (settings: ImageSettings) =>
  (bytes: Uint8Array): TE.TaskEither<string, ProcessedImage> =>
    attempt(async (take) => {
      const picture = await take(decodePicture(bytes))
      const { minPixels, maxPixels, patchSize, mergeSize } = settings
      const limits = { factor: patchSize * mergeSize, minPixels, maxPixels }
      const { width, height } = await take(smartResize(picture.height, picture.width, limits))
      return patchify(pillowResize(picture, width, height), settings)
    })

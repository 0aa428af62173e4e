import { either as E } from 'fp-ts'
import { pictureHeader } from '../processor/decodePicture.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { smartResize } from '../processor/smartResize.ts'
import type { Row } from './types.ts'

interface Size {
  readonly width: number
  readonly height: number
}

/** Merged tokens of a picture of this size. Left: a clause on what is wrong with the size. */
export const pictureTokens = (
  { patchSize, mergeSize, minPixels, maxPixels }: Processor['image'],
  { width, height }: Size,
): E.Either<string, number> => {
  const factor = patchSize * mergeSize
  const resized = smartResize(height, width, { factor, minPixels, maxPixels })
  return E.map((size: Size) => (size.width / factor) * (size.height / factor))(resized)
}

/**
 * Tokens of a row's prompt as `encodePrompt` makes it, from the headers of its pictures alone: thousands of rows take seconds.
 * Left: the end of a sentence that begins with the row.
 */
export const promptLength =
  (processor: Processor) =>
  async ({
    problem,
    messages,
    images,
  }: Pick<Row, 'problem' | 'messages' | 'images'>): Promise<E.Either<string, number>> => {
    let length = processor.tokenizer.encode(processor.chat(messages ?? problem)).length
    for (const [i, bytes] of images.entries()) {
      const size = await pictureHeader(bytes)
      const tokens = E.isLeft(size) ? size : pictureTokens(processor.image, size.right)
      if (E.isLeft(tokens)) return E.left(`image ${i + 1}: ${tokens.left}`)
      length += tokens.right - 1
    }
    return E.right(length)
  }

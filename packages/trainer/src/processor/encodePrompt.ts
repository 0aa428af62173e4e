import { either, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import type { EncodedPrompt, ProcessedImage } from '../policy/types.ts'
import { type ChatMessage, IMAGE_PLACEHOLDER } from './chatTemplate.ts'
import { processImage } from './imageProcessor.ts'
import type { Processor } from './loadProcessor.ts'
import { ropePositions } from './positions.ts'

/** What a prompt is made of: a question with one `<image>` per encoded picture. */
export interface PromptSource {
  readonly id: string
  readonly problem: string
  /** The conversation that is asked instead of the problem as one user's message. */
  readonly messages?: ReadonlyArray<ChatMessage>
  readonly images: ReadonlyArray<Uint8Array>
}

/**
 * Render, tokenise and look at the pictures, once. Every count is checked here, before any compute.
 *
 * @returns Left: a sentence that names the row
 */
export const encodePrompt =
  (processor: Processor) =>
  ({ id, problem, messages, images }: PromptSource): TE.TaskEither<TrainError, EncodedPrompt> =>
    attempt(async (take) => {
      const fail = (reason: string) => take<never>(either.left(badInput(`Row '${id}': ${reason}.`)))
      const asked = messages?.map(({ content }) => content).join('\n') ?? problem
      const placeholders = asked.split(IMAGE_PLACEHOLDER).length - 1
      if (placeholders !== images.length)
        return fail(
          `it has ${images.length} images and ${placeholders} ${IMAGE_PLACEHOLDER} placeholders; put one in the problem for each image`,
        )
      const processed: ProcessedImage[] = []
      for (const [i, bytes] of images.entries()) {
        const result = await processImage(processor.image)(bytes)()
        processed.push(either.isLeft(result) ? await fail(`image ${i + 1}: ${result.left}`) : result.right)
      }
      const text = await take(
        either.tryCatch(
          () => processor.chat(messages ?? problem),
          (thrown) => badInput(`Row '${id}': the chat template refuses it (${(thrown as Error).message}).`),
        ),
      )
      const found = processor.tokenizer.encode(text)
      const { imageToken, vocabSize } = processor.tokens
      const pads = found.reduce((count, token) => count + (token === imageToken ? 1 : 0), 0)
      if (pads !== images.length)
        return fail(
          `the chat template made ${pads} image tokens for ${images.length} images; the problem's text may hold one itself`,
        )
      const strange = found.find((token) => token >= vocabSize)
      if (strange !== undefined)
        return fail(
          `token ${strange} is outside the policy's vocabulary of ${vocabSize}: tokenizer.json and config.json do not belong together`,
        )
      const ids = expanded(found, processed, { imageToken, mergeSize: processor.image.mergeSize })
      if (ids.length < 2) return fail('its prompt has fewer than 2 tokens')
      if (ids[ids.length - 1] === imageToken)
        return fail('its prompt ends with an image; the chat template must add a generation prompt')
      return {
        id,
        text,
        ids,
        images: processed,
        ...ropePositions(ids, processed, { imageToken, mergeSize: processor.image.mergeSize }),
      }
    })

/** Each image token repeated once for every merged token of its picture. */
const expanded = (
  ids: ReadonlyArray<number>,
  images: ReadonlyArray<ProcessedImage>,
  { imageToken, mergeSize }: { readonly imageToken: number; readonly mergeSize: number },
): Int32Array => {
  let image = 0
  return Int32Array.from(
    ids.flatMap((id) => {
      if (id !== imageToken) return [id]
      const [frames, h, w] = images[image++]!.grid
      return new Array<number>((frames * h * w) / mergeSize ** 2).fill(id)
    }),
  )
}

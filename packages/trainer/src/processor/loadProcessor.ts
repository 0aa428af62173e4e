import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { either, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { loadPolicyConfig, readJson } from '../policy/files.ts'
import type { PolicyConfig } from '../policy/config.ts'
import type { HostWorkers } from '../workers/hostWorkers.ts'
import { type ChatTemplate, chatTemplate } from './chatTemplate.ts'
import { decodeImageSettings, type ImageSettings } from './imageProcessor.ts'
import { templateSource } from './templateSource.ts'
import type { PixelLimits } from './pixelLimits.ts'
import { type Tokenizer, tokenizer } from './tokenizer.ts'

export interface SpecialTokens {
  /** Stands for one merged token of a picture. */
  readonly imageToken: number
  /** Vision tokens: a policy that draws one would ask for a picture that is not there. */
  readonly vision: ReadonlyArray<number>
  /** A rollout ends with any of these. At least 1. */
  readonly end: ReadonlyArray<number>
  /** Closes a supervised response: the tokenizer's `eos_token`, `<|im_end|>` for Qwen. One of `end`. */
  readonly endOfTurn: number
  /** Ids below this have an embedding. */
  readonly vocabSize: number
}

/** Everything between a data row and the policy's input. */
export interface Processor {
  readonly tokenizer: Tokenizer
  readonly chat: ChatTemplate
  readonly image: ImageSettings
  readonly tokens: SpecialTokens
  /** Threads that share its work and that of rewards and entropies; absent: all of it in this one. */
  readonly workers?: HostWorkers
}

/** Names of vision tokens as Qwen's vocabularies have them; those that a vocabulary lacks are left out. */
const VISION_TOKENS = ['<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>']

/** The processor of a model folder in the Hub's layout, with other pixel limits where given. Left: a sentence that names the file. */
export const loadProcessor = (dir: string, limits: PixelLimits = {}): TE.TaskEither<TrainError, Processor> =>
  attempt(async (take) => {
    const config = await take(loadPolicyConfig(dir))
    const json = (name: string) => readJson(join(dir, name))
    const tokenizerConfig = asRecord(await take(json('tokenizer_config.json')))
    const made = <A>(name: string, make: () => A): Promise<A> =>
      take(either.tryCatch(make, (thrown) => badInput(`${join(dir, name)}: ${(thrown as Error).message}.`)))
    if (!existsSync(join(dir, 'tokenizer.json')))
      return take(
        either.left(
          badInput(
            `${dir}: it has no tokenizer.json; transformers writes one: AutoTokenizer.from_pretrained(…).save_pretrained(…).`,
          ),
        ),
      )
    const tokenizerJson = asRecord(await take(json('tokenizer.json')))
    const words = await made('tokenizer.json', () => tokenizer(tokenizerJson, tokenizerConfig))
    const template = await take(templateSource(dir, tokenizerConfig))
    const stranger = strangeToken(config, words)
    if (stranger !== undefined) return take(either.left(badInput(`${join(dir, 'tokenizer.json')}: ${stranger}.`)))
    const image = await take(limited(await take(imageSettings(dir, config)), limits))
    const end = await take(endTokens(dir, config))
    const eos = words.idOf(contentOf(tokenizerConfig.eos_token) ?? '') ?? end[0]
    if (eos === undefined)
      return take(
        either.left(
          badInput(`${dir}: neither generation_config.json, config.json nor tokenizer_config.json names an end token.`),
        ),
      )
    return {
      tokenizer: words,
      chat: await made(basename(template.path), () => chatTemplate(template.jinja, specialStrings(tokenizerConfig))),
      image,
      tokens: {
        imageToken: config.tokens.image,
        vision: visionTokens(config, words),
        end: [...new Set([...end, eos])],
        endOfTurn: eos,
        vocabSize: config.text.vocabSize,
      },
    }
  })

type Json = Readonly<Record<string, unknown>>
const asRecord = (u: unknown): Json => (typeof u === 'object' && u !== null ? (u as Json) : {})
/** A special token is written as a string or as {content}. */
const contentOf = (u: unknown): string | undefined => {
  const content = typeof u === 'object' && u !== null ? (u as Json).content : u
  return typeof content === 'string' ? content : undefined
}

const specialStrings = (config: Json): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ['bos_token', 'eos_token', 'pad_token', 'unk_token'].flatMap((key) => {
      const content = contentOf(config[key])
      return content === undefined ? [] : [[key, content]]
    }),
  )

/** Of preprocessor_config.json, or of the part of processor_config.json that transformers 5 keeps it in. */
export const imageSettings = (dir: string, config: PolicyConfig): TE.TaskEither<TrainError, ImageSettings> =>
  attempt(async (take) => {
    const nested = join(dir, 'processor_config.json')
    const own = join(dir, 'preprocessor_config.json')
    const inside = existsSync(own) || !existsSync(nested) ? {} : asRecord(await take(readJson(nested)))
    const path = 'image_processor' in inside ? nested : own
    const fail = (reason: string) => badInput(`${path}: ${reason}.`)
    const json = 'image_processor' in inside ? inside['image_processor'] : await take(readJson(own))
    const image = await take(either.mapLeft(fail)(decodeImageSettings(json)))
    const mismatch = disagreement(image, config)
    return mismatch === undefined ? image : take(either.left(fail(mismatch)))
  })

const limited = (
  image: ImageSettings,
  { min_pixels, max_pixels }: PixelLimits,
): either.Either<TrainError, ImageSettings> => {
  const minPixels = min_pixels ?? image.minPixels
  const maxPixels = max_pixels ?? image.maxPixels
  return minPixels <= maxPixels
    ? either.right({ ...image, minPixels, maxPixels })
    : either.left(
        badInput(
          `min_pixels is ${minPixels} and max_pixels ${maxPixels}; set both so that the first is not above the second.`,
        ),
      )
}

/** A vision token of config.json that the tokenizer does not know, or does not keep whole. */
const strangeToken = ({ tokens }: PolicyConfig, words: Tokenizer): string | undefined => {
  const needed = {
    image_token_id: tokens.image,
    vision_start_token_id: tokens.visionStart,
    vision_end_token_id: tokens.visionEnd,
  }
  for (const [key, id] of Object.entries(needed)) {
    const token = words.tokenOf(id)
    if (token === undefined || words.encode(token).join() !== `${id}`)
      return `it has no special token ${id}, the ${key} of config.json; take the tokenizer that belongs to the model`
  }
  return undefined
}

/** `generation_config.json` supplies only end ids: its sampling settings are the training configuration's business. */
const endTokens = (dir: string, config: PolicyConfig): TE.TaskEither<TrainError, ReadonlyArray<number>> =>
  attempt(async (take) => {
    const path = join(dir, 'generation_config.json')
    const eos = existsSync(path) ? asRecord(await take(readJson(path))).eos_token_id : undefined
    const ids = (Array.isArray(eos) ? eos : [eos]).filter((id): id is number => Number.isSafeInteger(id))
    return ids.length > 0 ? ids : config.tokens.end
  })

const visionTokens = ({ tokens, text }: PolicyConfig, words: Tokenizer): ReadonlyArray<number> => {
  const named = VISION_TOKENS.map((token) => words.idOf(token)).filter((id) => id !== undefined)
  const all = new Set([tokens.image, tokens.video, tokens.visionStart, tokens.visionEnd, ...named])
  return [...all].filter((id) => id < text.vocabSize).sort((a, b) => a - b)
}

const disagreement = (image: ImageSettings, { vision }: PolicyConfig): string | undefined => {
  const pairs: ReadonlyArray<readonly [string, number, number]> = [
    ['patch_size', image.patchSize, vision.patchSize],
    ['temporal_patch_size', image.temporalPatchSize, vision.temporalPatchSize],
    ['merge_size', image.mergeSize, vision.mergeSize],
  ]
  const bad = pairs.find(([, here, there]) => here !== there)
  return bad && `${bad[0]} is ${bad[1]}, vision_config in config.json has ${bad[2]}`
}

import { type HostTensor, ShapeError, type TensorOps, type WeightSource } from '@durian/core'
import type { PolicyConfig } from './config.ts'
import { type KeysValues, promptKeysValues } from './decoder.ts'
import { type Dropout, type PassOptions, unscoped } from './linear.ts'
import { wordEmbeddings } from './params.ts'
import { type PictureBatch, pictureBatch } from './pictures.ts'
import { type RopeTables, rotary, textRope } from './rope.ts'
import type { EncodedPrompt, ProcessedImage } from './types.ts'
import { mergedTokens, visionTower } from './vision.ts'

/** What a hidden key's score is lowered by: exp(-1e9) is 0 in float32 and a row with one visible key stays exact. */
export const HIDDEN = -1e9

/**
 * P prompts on the host, without their last tokens (those open each rollout's stream), padded on the right to Tp.
 * Made once per batch and used for rollout, old log-probs and update alike.
 */
export interface PromptBatch {
  readonly count: number
  /** Tp. */
  readonly length: number
  /** Real tokens of each prompt, without the last. */
  readonly lengths: ReadonlyArray<number>
  /** The different text tokens, in order of first use. */
  readonly vocabulary: Int32Array
  /** For each token its row in [vocabulary's embeddings; merged picture tokens], [P * Tp]; padding points at row 0. */
  readonly places: Int32Array
  readonly rope: RopeTables
  /** Pictures for the vision encoder; undefined without any, and where all bring their features. */
  readonly pictures: PictureBatch | undefined
  /** Features that the pictures bring, [merged tokens, d]. */
  readonly features: HostTensor | undefined
  readonly last: ReadonlyArray<LastToken>
}

/** Where a prompt's completions set in. */
export interface LastToken {
  readonly id: number
  readonly position: readonly [time: number, height: number, width: number]
  readonly nextPosition: number
}

export const promptBatch =
  (config: PolicyConfig) =>
  (prompts: ReadonlyArray<EncodedPrompt>): PromptBatch => {
    const lengths = prompts.map(({ ids }) => ids.length - 1)
    const length = Math.max(...lengths)
    const images = prompts.flatMap((prompt) => prompt.images)
    const features = broughtFeatures(images, config.text.hiddenSize)
    const pictures = images.length === 0 || features !== undefined ? undefined : pictureBatch(config.vision, images)
    const tokens = features?.shape[0] ?? pictures?.order.length ?? 0
    const slots = new Map<number, number>()
    for (const { ids } of prompts)
      for (const id of ids.subarray(0, -1)) if (id !== config.tokens.image && !slots.has(id)) slots.set(id, slots.size)
    const places = new Int32Array(prompts.length * length)
    const axes = [0, 1, 2].map(() => new Int32Array(prompts.length * length))
    let merged = 0
    prompts.forEach(({ ids, positions }, p) => {
      for (let i = 0; i < lengths[p]!; i++) {
        const row = p * length + i
        places[row] =
          ids[i] === config.tokens.image ? slots.size + (pictures?.order[merged] ?? merged) : slots.get(ids[i]!)!
        if (ids[i] === config.tokens.image) merged++
        axes.forEach((axis, a) => (axis[row] = positions[a]![i]!))
      }
    })
    if (merged !== tokens) throw new ShapeError(`prompts hold ${merged} image tokens, their pictures make ${tokens}`)
    return {
      count: prompts.length,
      length,
      lengths,
      vocabulary: Int32Array.from(slots.keys()),
      places,
      rope: textRope(ropeOptions(config), [axes[0]!, axes[1]!, axes[2]!]),
      pictures,
      features,
      last: prompts.map(lastToken),
    }
  }

/** All pictures' features below one another; undefined unless every picture brings its own. */
export const broughtFeatures = (images: ReadonlyArray<ProcessedImage>, width: number): HostTensor | undefined => {
  const parts = images.flatMap(({ features }) => (features === undefined ? [] : [features]))
  if (images.length === 0 || parts.length < images.length) return undefined
  const data = new Float32Array(parts.reduce((total, { length }) => total + length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part, at)
    at += part.length
  }
  return { shape: [data.length / width, width], data }
}

const lastToken = ({ ids, positions: [time, height, width], nextPosition }: EncodedPrompt): LastToken => {
  const at = ids.length - 1
  return { id: ids[at]!, position: [time[at]!, height[at]!, width[at]!], nextPosition }
}

export const ropeOptions = ({ text }: PolicyConfig): Parameters<typeof textRope>[0] => ({
  headDim: text.headDim,
  theta: text.ropeTheta,
  section: text.mropeSection,
})

/** The prompts' keys and values, one entry a layer, [P * KV, Tp, hd]: the pictures are seen and the prompts read once, here. */
export const prefill =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (weights: WeightSource<T>, batch: PromptBatch, pass: PassOptions<T> = {}): ReadonlyArray<KeysValues<T>> => {
    const { scope = unscoped, dropout } = pass
    const patches =
      batch.pictures === undefined ? undefined : visionTower(ops, config.vision)(weights, batch.pictures, pass)
    const x = scope(() => embeddedPrompts(ops, config)(weights, batch, patches, dropout))
    return promptKeysValues(ops, config)(weights, x, {
      ...pass,
      prompts: batch.count,
      ...promptConstants(ops, config, batch),
    })
  }

/** What the decoder reads, words and merged picture tokens in their places: [P * Tp, d]. */
export const embeddedPrompts =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (weights: WeightSource<T>, batch: PromptBatch, patches: T | undefined, dropout?: Dropout<T>): T => {
    const words = wordEmbeddings(ops, weights, batch.vocabulary)
    const merged =
      batch.features !== undefined
        ? ops.fromHost(batch.features)
        : patches && mergedTokens(ops, config.vision)(weights, patches, dropout)
    const rows = merged === undefined ? words : ops.concat([words, merged], 0)
    return ops.embedding(rows, batch.places)
  }

/** Mask and rotary tables of the prompts. */
export const promptConstants = <T>(ops: TensorOps<T>, config: PolicyConfig, batch: PromptBatch) => ({
  causal: ops.fromHost(causalMask(batch.length, config.text.heads / config.text.kvHeads)),
  tables: rotary(ops, batch.rope, config.text.headDim),
})

/** Additive causal mask, [1, length * group, length]: each token's `group` query heads lie in neighbouring rows. */
const causalMask = (length: number, group: number) => {
  const data = new Float32Array(length * group * length)
  for (let row = 0; row < length * group; row++)
    data.fill(HIDDEN, row * length + Math.floor(row / group) + 1, (row + 1) * length)
  return { shape: [1, length * group, length], data }
}

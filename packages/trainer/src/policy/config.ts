import { either as E } from 'fp-ts'
import type * as t from 'io-ts'
import { decoded, foreignModel, type Ids, RootJson, TextJson } from './configJson.ts'
import { VISION_THETA } from './rope.ts'

/** The sizes and constants of one Qwen2.5-VL, whatever its size: what `config.json` says, with Hugging Face's defaults filled in. */
export interface PolicyConfig {
  readonly text: TextConfig
  readonly vision: VisionConfig
  readonly tokens: TokenIds
}

export interface TextConfig {
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly layers: number
  readonly heads: number
  /** Divides `heads`: each key head serves `heads / kvHeads` query heads. */
  readonly kvHeads: number
  readonly headDim: number
  readonly ropeTheta: number
  /** Rotary pairs that turn with time, height and width; they sum to headDim / 2. */
  readonly mropeSection: readonly [number, number, number]
  readonly rmsNormEps: number
  /** The output head is the embedding table. */
  readonly tied: boolean
}

export interface VisionConfig {
  readonly depth: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly heads: number
  readonly headDim: number
  readonly channels: number
  /** Pixels along one edge of a patch. */
  readonly patchSize: number
  readonly temporalPatchSize: number
  /** Patches along one edge of a merged token. */
  readonly mergeSize: number
  /** Pixels along one edge of an attention window. */
  readonly windowSize: number
  /** Layers that attend over the whole picture. */
  readonly fullAttentionBlocks: ReadonlyArray<number>
  readonly outHiddenSize: number
}

export interface TokenIds {
  readonly image: number
  readonly video: number
  readonly visionStart: number
  readonly visionEnd: number
  /** End-of-sequence ids named by config.json; may be empty. */
  readonly end: ReadonlyArray<number>
  readonly pad: number | undefined
}

const idList = (ids: t.TypeOf<typeof Ids> | undefined): ReadonlyArray<number> =>
  ids === undefined || ids === null ? [] : typeof ids === 'number' ? [ids] : ids

/**
 * Read a Qwen2.5-VL `config.json` in the Hub's flat form, or nested under `text_config` as transformers 5 writes it.
 *
 * @returns Left: one sentence that names the key. Unknown keys are ignored, as the Hub's files carry many.
 */
export const decodePolicyConfig = (json: unknown): E.Either<string, PolicyConfig> => {
  const foreign = foreignModel(json)
  if (foreign !== undefined) return E.left(foreign)
  const root = decoded(RootJson, json)
  if (E.isLeft(root)) return root
  const nested = (json as { readonly text_config?: unknown }).text_config
  const text = decoded(TextJson, nested ?? json, nested === undefined ? '' : 'text_config.')
  if (E.isLeft(text)) return text
  const config = assembled(root.right, text.right)
  const fault = inconsistency(config, text.right, root.right)
  return fault === undefined ? E.right(config) : E.left(fault)
}

const assembled = (root: t.TypeOf<typeof RootJson>, text: t.TypeOf<typeof TextJson>): PolicyConfig => {
  const vision = root.vision_config
  const rope = text.rope_scaling ?? text.rope_parameters
  const headDim = text.head_dim ?? text.hidden_size / text.num_attention_heads
  const section = rope?.mrope_section ?? []
  return {
    text: {
      vocabSize: text.vocab_size,
      hiddenSize: text.hidden_size,
      intermediateSize: text.intermediate_size,
      layers: text.num_hidden_layers,
      heads: text.num_attention_heads,
      kvHeads: text.num_key_value_heads ?? text.num_attention_heads,
      headDim,
      ropeTheta: text.rope_theta ?? rope?.rope_theta ?? 1e6,
      mropeSection: [section[0] ?? 0, section[1] ?? 0, section[2] ?? 0],
      rmsNormEps: text.rms_norm_eps ?? 1e-6,
      tied: root.tie_word_embeddings ?? text.tie_word_embeddings ?? false,
    },
    vision: {
      depth: vision.depth,
      hiddenSize: vision.hidden_size,
      intermediateSize: vision.intermediate_size,
      heads: vision.num_heads,
      headDim: vision.hidden_size / vision.num_heads,
      channels: vision.in_chans ?? vision.in_channels ?? 3,
      patchSize: vision.patch_size ?? 14,
      temporalPatchSize: vision.temporal_patch_size ?? 2,
      mergeSize: vision.spatial_merge_size ?? 2,
      windowSize: vision.window_size ?? 112,
      fullAttentionBlocks: vision.fullatt_block_indexes ?? [7, 15, 23, 31],
      outHiddenSize: vision.out_hidden_size,
    },
    tokens: {
      image: root.image_token_id,
      video: root.video_token_id ?? 151656,
      visionStart: root.vision_start_token_id ?? 151652,
      visionEnd: root.vision_end_token_id ?? 151653,
      end: idList(root.eos_token_id ?? text.eos_token_id),
      pad: idList(root.pad_token_id ?? text.pad_token_id)[0],
    },
  }
}

/** Names of unscaled positions. */
const ROPES = ['mrope', 'default']

/** What the codec cannot see: numbers that must fit together, and settings this program does not have. */
const inconsistency = (
  { text, vision }: PolicyConfig,
  textJson: t.TypeOf<typeof TextJson>,
  root: t.TypeOf<typeof RootJson>,
): string | undefined => {
  const rope = textJson.rope_scaling ?? textJson.rope_parameters
  const section = rope?.mrope_section
  if (section?.length !== 3) return 'rope_scaling.mrope_section: expected three positive integers'
  if (!Number.isInteger(text.headDim) || text.headDim % 2 !== 0)
    return `hidden_size / num_attention_heads = ${text.headDim}: expected an even integer`
  const stretched = [rope?.type, rope?.rope_type].find((type) => type !== undefined && !ROPES.includes(type))
  if (stretched !== undefined)
    return `rope_scaling: type "${stretched}" is not supported, only mrope; for prompts within the trained length take the config without it`
  if (section[0]! + section[1]! + section[2]! !== text.headDim / 2)
    return `rope_scaling.mrope_section: [${section}] must sum to half the head dimension, ${text.headDim / 2}`
  if (text.heads % text.kvHeads !== 0)
    return `num_key_value_heads: ${text.kvHeads} must divide num_attention_heads, ${text.heads}`
  if (!Number.isInteger(vision.headDim) || vision.headDim % 4 !== 0)
    return `vision_config: hidden_size / num_heads = ${vision.headDim}: expected a multiple of 4`
  if (vision.outHiddenSize !== text.hiddenSize)
    return `vision_config.out_hidden_size: ${vision.outHiddenSize} must equal hidden_size, ${text.hiddenSize}`
  if (vision.windowSize % (vision.patchSize * vision.mergeSize) !== 0)
    return `vision_config.window_size: ${vision.windowSize} must be a multiple of ${vision.patchSize * vision.mergeSize}, the edge of a merged token`
  if ((textJson.hidden_act ?? 'silu') !== 'silu')
    return `hidden_act: "${textJson.hidden_act}" is not supported, only silu`
  if ((root.vision_config.hidden_act ?? 'silu') !== 'silu')
    return `vision_config.hidden_act: "${root.vision_config.hidden_act}" is not supported, only silu`
  if (textJson.use_sliding_window === true)
    return 'use_sliding_window: sliding-window attention is not supported; set it to false'
  const sliding = textJson.layer_types?.find((type) => type !== 'full_attention')
  if (sliding !== undefined) return `layer_types: "${sliding}" is not supported, only full_attention`
  const theta = root.vision_config.rope_parameters?.rope_theta ?? VISION_THETA
  if (theta !== VISION_THETA)
    return `vision_config.rope_parameters.rope_theta: ${theta} is not supported, only ${VISION_THETA}`
  return undefined
}

import { either as E } from 'fp-ts'
import * as t from 'io-ts'

// What config.json may hold, by Hugging Face's names; unknown keys are ignored, as the Hub's files carry many.

const integer = (name: string, from: number): t.Type<number, number, unknown> => {
  const is = (u: unknown): u is number => typeof u === 'number' && Number.isSafeInteger(u) && u >= from
  return new t.Type(name, is, (u, c) => (is(u) ? t.success(u) : t.failure(u, c)), t.identity)
}
const Count = integer('a positive integer', 1)
const Id = integer('a non-negative integer', 0)
const isPositive = (u: unknown): u is number => typeof u === 'number' && Number.isFinite(u) && u > 0
const Positive: t.Type<number, number, unknown> = new t.Type(
  'a positive number',
  isPositive,
  (u, c) => (isPositive(u) ? t.success(u) : t.failure(u, c)),
  t.identity,
)
/** One token id, or several, or none. */
export const Ids = t.union([Id, t.array(Id), t.null], 'an id or a list of ids')

const RopeJson = t.partial({ mrope_section: t.array(Count), rope_theta: Positive, type: t.string, rope_type: t.string })
const VisionRopeJson = t.partial({ rope_theta: Positive })

/** The decoder's keys: at the root in the flat form, under `text_config` in the nested one. */
export const TextJson = t.intersection([
  t.type({
    vocab_size: Count,
    hidden_size: Count,
    intermediate_size: Count,
    num_hidden_layers: Count,
    num_attention_heads: Count,
  }),
  t.partial({
    num_key_value_heads: t.union([Count, t.null]),
    head_dim: t.union([Count, t.null]),
    rope_theta: Positive,
    rms_norm_eps: Positive,
    rope_scaling: t.union([RopeJson, t.null]),
    rope_parameters: t.union([RopeJson, t.null]),
    tie_word_embeddings: t.boolean,
    hidden_act: t.string,
    use_sliding_window: t.boolean,
    layer_types: t.union([t.array(t.string), t.null]),
    eos_token_id: Ids,
    pad_token_id: Ids,
  }),
])

const VisionJson = t.intersection([
  t.type({ depth: Count, hidden_size: Count, intermediate_size: Count, num_heads: Count, out_hidden_size: Count }),
  t.partial({
    in_chans: Count,
    in_channels: Count,
    patch_size: Count,
    temporal_patch_size: Count,
    spatial_merge_size: Count,
    window_size: Count,
    fullatt_block_indexes: t.array(Id),
    hidden_act: t.string,
    rope_parameters: t.union([VisionRopeJson, t.null]),
  }),
])

const MODEL_TYPE = 'qwen2_5_vl'

/** The root's own keys. */
export const RootJson = t.intersection([
  t.type({ vision_config: VisionJson, image_token_id: Id }),
  t.partial({
    video_token_id: Id,
    vision_start_token_id: Id,
    vision_end_token_id: Id,
    eos_token_id: Ids,
    pad_token_id: Ids,
    tie_word_embeddings: t.boolean,
  }),
])

/** First failure as `key.path: expected …, found …`. */
const firstFailure = (errors: t.Errors): string => {
  const context = errors[0]!.context
  const path = context.map(({ key }) => key).filter((key) => key !== '' && !/^\d+$/.test(key))
  const { type } = context[context.length - 1]!
  const found = JSON.stringify(errors[0]!.value) ?? 'nothing'
  return `${path.join('.') || 'the file'}: expected ${type.name}, found ${found.slice(0, 60)}`
}

/** A value by its codec. Left: the first key that is wrong, what is expected and what is there. */
export const decoded = <A>(codec: t.Type<A, unknown, unknown>, json: unknown, under = ''): E.Either<string, A> =>
  E.mapLeft((errors: t.Errors) => `${under}${firstFailure(errors)}`)(codec.decode(json))

/** What is said of another architecture, and of weights that no reader here can widen. */
export const foreignModel = (json: unknown): string | undefined => {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'it is not a JSON object'
  const { model_type: type, quantization_config: quantisation } = json as Readonly<Record<string, unknown>>
  if (type !== MODEL_TYPE)
    return (
      `model_type: ${type === undefined ? 'there is none' : `${JSON.stringify(type)} is not supported`}; ` +
      `the policy is Qwen2.5-VL of any size (model_type "${MODEL_TYPE}")`
    )
  if (quantisation !== undefined && quantisation !== null)
    return 'quantization_config: quantised weights are not supported; take the checkpoint in bfloat16'
  return undefined
}

import {
  attention,
  linear,
  narrowed,
  type Params,
  rmsNorm,
  sizeOf,
  swiglu,
  type TensorOps,
  type WeightSource,
} from '@durian/core'
import type { PolicyConfig, TextConfig } from './config.ts'
import { type Dropout, dropoutUnder, mergedWeight, type PassOptions, policyLinear, unscoped } from './linear.ts'
import { weight } from './params.ts'
import { type Rotary, rotated } from './rope.ts'

/** Rotated keys and values. Of a prompt [P * KV, Tp, hd], of rollouts [P * KV * G, t, hd] (prompt, key head, rollout). */
export interface KeysValues<T> {
  readonly keys: T
  readonly values: T
}

interface Heads<T> extends KeysValues<T> {
  /** [B * KV, length * group, hd]: the query heads of one key head lie in the rows, so that no product broadcasts. */
  readonly queries: T
}

const projections = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'] as const

/** The three projections of a layer as one linear, adapters added in: weight [(H + 2 KV) * hd, d], bias [(H + 2 KV) * hd]. */
export interface ReadyProjection<T> {
  readonly weight: T
  readonly bias: T
}

/** Made once for many tokens: one product instead of three, whatever adapters there are. */
export const readyProjection =
  <T>(ops: TensorOps<T>) =>
  (weights: WeightSource<T>, index: number): ReadyProjection<T> => {
    const params = weights.under(`model.layers.${index}.`)
    return {
      weight: narrowed(
        ops,
        ops.concat(
          projections.map((name) => mergedWeight(ops, params, name)),
          0,
        ),
      ),
      bias: ops.concat(
        projections.map((name) => weight(params, `${name}.bias`)),
        0,
      ),
    }
  }

/**
 * Where R rows without padding lie among runs that have it. Each gather turns the heads round too, so none costs a transpose.
 * Rows are (row, key head) and places (prompt, key head, rollout, token), as the layer's tensors are read row by row.
 */
export interface Unpadded {
  /** The row of each place, [P * KV * G * Tr]; in the padding one of the same rollout. */
  readonly rowOfPlace: Int32Array
  /** The place of each row, [R * KV]. */
  readonly placeOfRow: Int32Array
}

interface LayerOptions<T> {
  readonly dropout: Dropout<T> | undefined
  /** Left out where the rows are B runs of equal length. */
  readonly unpadded?: Unpadded | undefined
}

/** The pieces of one decoder layer; rows are B runs of `length` tokens, or those of them that are no padding. */
const decoderLayer = <T>(
  ops: TensorOps<T>,
  config: TextConfig,
  params: Params<T>,
  { dropout, unpadded }: LayerOptions<T>,
) => {
  const { heads, kvHeads, headDim, rmsNormEps } = config
  const group = heads / kvHeads

  const through = (name: string, x: T, plus?: T): T => policyLinear(ops, params, name, x, { dropout, plus })

  /** [B * length, KV * width] -> [B * KV, length * (width / hd), hd]. */
  const byKeyHead = (x: T, B: number): T => {
    const [n = 0, columns = 0] = ops.shape(x)
    if (unpadded !== undefined) {
      const placed = ops.embedding(ops.reshape(x, [n * kvHeads, columns / kvHeads]), unpadded.rowOfPlace)
      return ops.reshape(placed, [B * kvHeads, sizeOf(ops.shape(placed)) / B / kvHeads / headDim, headDim])
    }
    const [length, width] = [n / B, columns / kvHeads]
    const apart = ops.transpose(ops.reshape(x, [B, length, kvHeads, width]), [0, 2, 1, 3]) // [B, KV, length, width]
    return ops.reshape(apart, [B * kvHeads, (length * width) / headDim, headDim])
  }

  const normed = (x: T): T => rmsNorm(ops, x, weight(params, 'input_layernorm.weight'), rmsNormEps)

  const keysValues = (h: T, B: number, { keys, turn }: Rotary<T>): KeysValues<T> => ({
    keys: narrowed(ops, byKeyHead(rotated(ops, through('self_attn.k_proj', h), keys, turn), B)),
    values: narrowed(ops, byKeyHead(through('self_attn.v_proj', h), B)),
  })

  const headsOf = (h: T, B: number, tables: Rotary<T>): Heads<T> => ({
    queries: byKeyHead(rotated(ops, through('self_attn.q_proj', h), tables.queries, tables.turn), B),
    ...keysValues(h, B, tables),
  })

  /** Queries, keys and values side by side, not yet turned: [N, d] -> [N, (H + 2 KV) * hd]. */
  const qkv = (h: T, ready: ReadyProjection<T> | undefined): T =>
    ready === undefined
      ? ops.concat(
          projections.map((name) => through(name, h)),
          1,
        )
      : linear(ops, h, ready.weight, ready.bias)

  /** Residual stream after this layer: x [N, d], mixed values [B * KV, length * group, hd] or with the rows in any runs. */
  const after = (x: T, mixed: T, B: number): T => {
    const n = ops.shape(x)[0]!
    if (unpadded !== undefined) {
      const places = ops.reshape(mixed, [unpadded.rowOfPlace.length, group * headDim])
      return behind(x, ops.reshape(ops.embedding(places, unpadded.placeOfRow), [n, heads * headDim]))
    }
    const apart = ops.reshape(mixed, [B, kvHeads, n / B, group * headDim])
    return behind(x, ops.reshape(ops.transpose(apart, [0, 2, 1, 3]), [n, heads * headDim]))
  }

  /** The same from mixed values with the heads of a row side by side, [N, H * hd]. */
  const behind = (x: T, together: T): T => {
    const attended = through('self_attn.o_proj', together, x)
    const h = rmsNorm(ops, attended, weight(params, 'post_attention_layernorm.weight'), rmsNormEps)
    const inner = swiglu(ops, through('mlp.gate_proj', h), through('mlp.up_proj', h))
    return through('mlp.down_proj', inner, attended)
  }

  return { normed, keysValues, headsOf, qkv, after, behind }
}

export interface PromptOptions<T> extends PassOptions<T> {
  readonly prompts: number
  /** Additive mask, [1, Tp * group, Tp]. */
  readonly causal: T
  readonly tables: Rotary<T>
}

/**
 * Keys and values of P prompts, one entry a layer: everything the rollouts need to know of their prompt.
 * The last layer's own attention and feed-forward are never needed.
 *
 * @param x - embedded tokens, [P * Tp, d], prompts padded on the right (a causal prompt never sees what follows it)
 */
export const promptKeysValues =
  <T>(ops: TensorOps<T>, { text }: PolicyConfig) =>
  (weights: WeightSource<T>, x: T, options: PromptOptions<T>): ReadonlyArray<KeysValues<T>> => {
    const { scope = unscoped } = options
    const all: KeysValues<T>[] = []
    for (let index = 0; index < text.layers; index++) {
      const input = x
      const layer = scope(() => promptLayer(ops, text)(weights, input, { ...options, index }))
      all.push(layer.keysValues)
      if (layer.x !== undefined) x = layer.x
    }
    return all
  }

/** One layer of the prompts: its keys and values, and the stream behind it, which nobody needs behind the last layer. */
export const promptLayer =
  <T>(ops: TensorOps<T>, text: TextConfig) =>
  (
    weights: WeightSource<T>,
    x: T,
    { index, prompts, causal, tables, dropout }: PromptOptions<T> & { readonly index: number },
  ): { readonly x: T | undefined; readonly keysValues: KeysValues<T> } => {
    const prefix = `model.layers.${index}.`
    const layer = decoderLayer(ops, text, weights.under(prefix), {
      dropout: dropoutUnder(dropout, `prompt/${prefix}`),
    })
    const h = layer.normed(x)
    if (index === text.layers - 1) return { x: undefined, keysValues: layer.keysValues(h, prompts, tables) }
    const { queries, keys, values } = layer.headsOf(h, prompts, tables)
    const mixed = attention(ops, queries, { keys, values, mask: causal })
    return { x: layer.after(x, mixed, prompts), keysValues: { keys, values } }
  }

export interface StreamOptions<T> extends PassOptions<T> {
  readonly prompts: number
  /** Rollouts of each prompt. */
  readonly rollouts: number
  /** One entry a layer, [P * KV, Tp, hd]. */
  readonly prefix: ReadonlyArray<KeysValues<T>>
  /** Additive, over the prompt's keys then own keys, [P, length * group or 1, Tp + t]. Absent when nothing is hidden. */
  readonly mask?: T | undefined
  readonly tables: Rotary<T>
  /** Left out where all rollouts have as many rows. */
  readonly unpadded?: Unpadded | undefined
  /** Own keys and values up to now of one layer, given those of the new tokens. Left out in training: these are all there are. */
  readonly own?: ((layer: number, fresh: KeysValues<T>) => KeysValues<T>) | undefined
}

/**
 * Last hidden states of rollouts that share prompts: each token attends to its prompt's keys, which exist once a prompt, and to its own.
 *
 * @param x - embedded tokens, [P * G * length, d]
 * @returns [P * G * length, d], after the final norm
 */
export const streamHidden =
  <T>(ops: TensorOps<T>, { text }: PolicyConfig) =>
  (weights: WeightSource<T>, x: T, options: StreamOptions<T>): T => {
    const { scope = unscoped } = options
    for (let index = 0; index < text.layers; index++) {
      const input = x
      x = scope(() => streamLayer(ops, text)(weights, input, { ...options, index, prompt: options.prefix[index]! }))
    }
    return finalNorm(ops, text)(weights, x)
  }

/** The decoder's last norm: [N, d] -> [N, d]. */
export const finalNorm =
  <T>(ops: TensorOps<T>, { rmsNormEps }: TextConfig) =>
  (weights: WeightSource<T>, x: T): T =>
    rmsNorm(ops, x, weight(weights.under('model.norm.'), 'weight'), rmsNormEps)

/** One layer of the rollouts, given its prompt's keys and values: [P * G * length, d] -> the same. */
export const streamLayer =
  <T>(ops: TensorOps<T>, text: TextConfig) =>
  (
    weights: WeightSource<T>,
    x: T,
    options: Omit<StreamOptions<T>, 'prefix'> & { readonly index: number; readonly prompt: KeysValues<T> },
  ): T => {
    const { index, prompts, prompt, mask, tables, dropout, unpadded, own = (_, fresh) => fresh } = options
    const prefix = `model.layers.${index}.`
    const layer = decoderLayer(ops, text, weights.under(prefix), {
      dropout: dropoutUnder(dropout, `rollout/${prefix}`),
      unpadded,
    })
    const { queries, ...fresh } = layer.headsOf(layer.normed(x), prompts, tables)
    const runs = prompts * text.kvHeads * options.rollouts
    const alone = (y: T): T => ops.reshape(y, [runs, sizeOf(ops.shape(y)) / runs / text.headDim, text.headDim])
    const mine = own(index, { keys: alone(fresh.keys), values: alone(fresh.values) })
    // one softmax over two sets of keys: the prompt's, which all its rollouts meet, and each rollout's own
    return layer.after(x, attention(ops, alone(queries), { ...mine, shared: prompt, mask }), prompts)
  }

/** One layer for one new token of each rollout, [N, d] -> the same; `attend` mixes values, [N, (H + 2 KV) * hd] -> [N, H * hd]. */
export const tokenLayer =
  <T>(ops: TensorOps<T>, text: TextConfig) =>
  (
    weights: WeightSource<T>,
    x: T,
    {
      index,
      ready,
      attend,
    }: { readonly index: number; readonly ready: ReadyProjection<T> | undefined; readonly attend: (qkv: T) => T },
  ): T => {
    const layer = decoderLayer(ops, text, weights.under(`model.layers.${index}.`), { dropout: undefined })
    return layer.behind(x, attend(layer.qkv(layer.normed(x), ready)))
  }

/** The table that turns hidden states into logits, [V, d]. */
export const headTable = <T>({ text }: PolicyConfig, weights: WeightSource<T>): T =>
  weight(weights.under(text.tied ? 'model.embed_tokens.' : 'lm_head.'), 'weight')

/** Logits of hidden states over the vocabulary: [N, d] -> [N, V]. */
export const logitsOf =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (weights: WeightSource<T>, hidden: T): T =>
    linear(ops, hidden, headTable(config, weights))

import { attention, gelu, linear, type Params, rmsNorm, swiglu, type TensorOps, type WeightSource } from '@durian/core'
import type { PolicyConfig, VisionConfig } from './config.ts'
import {
  type Dropout,
  dropoutUnder,
  type LinearOptions,
  type PassOptions,
  policyLinear,
  type Scope,
  unscoped,
} from './linear.ts'
import { weight } from './params.ts'
import { type PictureBatch, pictureBatch, type Segments } from './pictures.ts'
import { type Rotary, rotary, rotated } from './rope.ts'
import type { ProcessedImage } from './types.ts'

/** HF's vision tower has this constant in its code, not in `config.json`. */
const EPSILON = 1e-6

/**
 * The vision tower up to its merger: patches attend within windows, in some layers within the whole picture.
 *
 * @returns [patches, d], window order, before the merger's norm
 * transformers@v5.17 modeling_qwen2_5_vl.py, Qwen2_5_VisionTransformerPretrainedModel
 */
export const visionTower =
  <T>(ops: TensorOps<T>, config: VisionConfig) =>
  (weights: WeightSource<T>, pictures: PictureBatch, { scope = unscoped, dropout }: PassOptions<T> = {}): T => {
    let x = scope(() => embeddedPatches(ops, config)(weights, pictures))
    const tables = rotary(ops, pictures.rope, config.headDim)
    for (let layer = 0; layer < config.depth; layer++) {
      const input = x
      x = scope(() => visionBlock(ops, config)(weights, input, { layer, pictures, tables, dropout }))
    }
    return x
  }

/** Patches as vectors, before any attention: [patches, d]. */
export const embeddedPatches =
  <T>(ops: TensorOps<T>, config: VisionConfig) =>
  (weights: WeightSource<T>, pictures: PictureBatch): T => {
    const width = pictures.pixels.length / pictures.patches
    const pixels = ops.fromHost({ shape: [pictures.patches, width], data: pictures.pixels })
    const projection = weight(weights.under('visual.patch_embed.'), 'proj.weight') // [d, 3, tp, p, p]
    // The stride is the kernel: the convolution is a product of each patch's pixels with the flattened filter.
    return linear(ops, pixels, ops.reshape(projection, [config.hiddenSize, width])) // [patches, d]
  }

/** One block of the tower: [patches, d] -> [patches, d]. */
export const visionBlock =
  <T>(ops: TensorOps<T>, config: VisionConfig) =>
  (
    weights: WeightSource<T>,
    x: T,
    {
      layer,
      pictures,
      tables,
      dropout,
    }: {
      readonly layer: number
      readonly pictures: PictureBatch
      readonly tables: Rotary<T>
      readonly dropout?: Dropout<T> | undefined
    },
  ): T => {
    const prefix = `visual.blocks.${layer}.`
    const params = weights.under(prefix)
    const through: Through<T> = (name, x, options) =>
      policyLinear(ops, params, name, x, { dropout: dropoutUnder(dropout, prefix), ...options })
    const segments = config.fullAttentionBlocks.includes(layer) ? pictures.wholes : pictures.windows
    const normed = rmsNorm(ops, x, weight(params, 'norm1.weight'), EPSILON)
    const mixed = selfAttention(ops, config, through, tables)(normed, segments)
    const attended = through('attn.proj', mixed, { plus: x })
    const h = rmsNorm(ops, attended, weight(params, 'norm2.weight'), EPSILON)
    const inner = swiglu(ops, through('mlp.gate_proj', h), through('mlp.up_proj', h))
    return through('mlp.down_proj', inner, { plus: attended })
  }

/** A linear of the block, or some rows of it. */
type Through<T> = (name: string, x: T, options?: Pick<LinearOptions<T>, 'rows' | 'plus'>) => T

const selfAttention =
  <T>(ops: TensorOps<T>, { heads, headDim, hiddenSize }: VisionConfig, through: Through<T>, tables: Rotary<T>) =>
  (x: T, segments: Segments): T => {
    // Cutting the weight in three is cheaper than cutting the product: it has hiddenSize rows, not one a patch.
    const part = (index: number): T =>
      through('attn.qkv', x, { rows: { start: index * hiddenSize, count: hiddenSize } }) // [N, H * hd]
    const rows = {
      queries: rotated(ops, part(0), tables.queries, tables.turn),
      keys: rotated(ops, part(1), tables.keys, tables.turn),
      values: part(2),
    }
    const within = (length: number, { queries, keys, values }: typeof rows): T => {
      const n = ops.shape(queries)[0]!
      const apart = (y: T): T => {
        const byHead = ops.transpose(ops.reshape(y, [n / length, length, heads, headDim]), [0, 2, 1, 3])
        return ops.reshape(byHead, [(n / length) * heads, length, headDim]) // [segments * H, L, hd]
      }
      const mixed = attention(ops, apart(queries), { keys: apart(keys), values: apart(values) })
      const bySegment = ops.reshape(mixed, [n / length, heads, length, headDim])
      return ops.reshape(ops.transpose(bySegment, [0, 2, 1, 3]), [n, hiddenSize])
    }
    const [only, ...others] = segments.groups
    return only !== undefined && others.length === 0
      ? within(only.length, rows)
      : ops.embedding(
          ops.concat(
            segments.groups.map((group) =>
              within(group.length, {
                queries: ops.embedding(rows.queries, group.rows),
                keys: ops.embedding(rows.keys, group.rows),
                values: ops.embedding(rows.values, group.rows),
              }),
            ),
            0,
          ),
          segments.restore,
        )
  }

/** The merger's norm: [patches, d] -> [patches, d]. */
const normalised = <T>(ops: TensorOps<T>, merger: Params<T>, patches: T): T =>
  rmsNorm(ops, patches, weight(merger, 'ln_q.weight'), EPSILON)

/** Merged tokens as the decoder sees them: [patches, d] -> [patches / merge^2, decoder's d], still in window order. */
export const mergedTokens =
  <T>(ops: TensorOps<T>, config: VisionConfig) =>
  (weights: WeightSource<T>, patches: T, dropout?: Dropout<T>): T => {
    const prefix = 'visual.merger.'
    const merger = weights.under(prefix)
    const through = (name: string, x: T): T =>
      policyLinear(ops, merger, name, x, { dropout: dropoutUnder(dropout, prefix) })
    const unit = config.mergeSize ** 2
    const [rows = 0, width = 0] = ops.shape(patches)
    const grouped = ops.reshape(normalised(ops, merger, patches), [rows / unit, unit * width])
    return through('mlp.2', gelu(ops, through('mlp.0', grouped)))
  }

export interface VisionFeatures<T> {
  /** [sum of counts, d], pictures one after another, rows in raster order. */
  readonly rows: T
  /** Rows of each picture. */
  readonly counts: ReadonlyArray<number>
}

/**
 * What the vision encoder says of each picture: the input of the visual entropy (paper, eq. 5).
 * `merged`: tokens after the patch merger, what the decoder sees; `patches`: one row a patch, after the encoder's last norm.
 */
export const visionFeatures =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (
    weights: WeightSource<T>,
    images: ReadonlyArray<ProcessedImage>,
    { features, scope = unscoped }: { readonly features: 'merged' | 'patches'; readonly scope?: Scope },
  ): VisionFeatures<T> => {
    const pictures = pictureBatch(config.vision, images)
    const patches = visionTower(ops, config.vision)(weights, pictures, { scope })
    if (features === 'merged')
      return {
        rows: ops.embedding(mergedTokens(ops, config.vision)(weights, patches), pictures.order),
        counts: pictures.counts,
      }
    const unit = config.vision.mergeSize ** 2
    const order = Int32Array.from(
      { length: pictures.patches },
      (_, i) => pictures.order[Math.floor(i / unit)]! * unit + (i % unit),
    )
    return {
      rows: ops.embedding(normalised(ops, weights.under('visual.merger.'), patches), order),
      counts: pictures.counts.map((count) => count * unit),
    }
  }

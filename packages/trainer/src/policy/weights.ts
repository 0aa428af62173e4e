import { type HostTensor, nameIndex, normals, type Shape, sizeOf, streams, uniforms } from '@durian/core'
import type { PolicyConfig } from './config.ts'

/** Every weight of a policy under the Hub's name, with its shape; linears are [out, in]. */
export const weightShapes = ({ text, vision }: PolicyConfig): Readonly<Record<string, Shape>> => {
  const shapes: Record<string, Shape> = {}
  const linear = (name: string, out: number, input: number): void => {
    shapes[`${name}.weight`] = [out, input]
    shapes[`${name}.bias`] = [out]
  }
  const d = vision.hiddenSize
  shapes['visual.patch_embed.proj.weight'] = [
    d,
    vision.channels,
    vision.temporalPatchSize,
    vision.patchSize,
    vision.patchSize,
  ]
  for (let i = 0; i < vision.depth; i++) {
    const block = `visual.blocks.${i}`
    shapes[`${block}.norm1.weight`] = [d]
    shapes[`${block}.norm2.weight`] = [d]
    linear(`${block}.attn.qkv`, 3 * d, d)
    linear(`${block}.attn.proj`, d, d)
    linear(`${block}.mlp.gate_proj`, vision.intermediateSize, d)
    linear(`${block}.mlp.up_proj`, vision.intermediateSize, d)
    linear(`${block}.mlp.down_proj`, d, vision.intermediateSize)
  }
  const merged = d * vision.mergeSize ** 2
  shapes['visual.merger.ln_q.weight'] = [d]
  linear('visual.merger.mlp.0', merged, merged)
  linear('visual.merger.mlp.2', vision.outHiddenSize, merged)
  const [h, keys] = [text.hiddenSize, text.kvHeads * text.headDim]
  shapes['model.embed_tokens.weight'] = [text.vocabSize, h]
  for (let i = 0; i < text.layers; i++) {
    const layer = `model.layers.${i}`
    shapes[`${layer}.input_layernorm.weight`] = [h]
    shapes[`${layer}.post_attention_layernorm.weight`] = [h]
    linear(`${layer}.self_attn.q_proj`, text.heads * text.headDim, h)
    linear(`${layer}.self_attn.k_proj`, keys, h)
    linear(`${layer}.self_attn.v_proj`, keys, h)
    shapes[`${layer}.self_attn.o_proj.weight`] = [h, text.heads * text.headDim]
    shapes[`${layer}.mlp.gate_proj.weight`] = [text.intermediateSize, h]
    shapes[`${layer}.mlp.up_proj.weight`] = [text.intermediateSize, h]
    shapes[`${layer}.mlp.down_proj.weight`] = [h, text.intermediateSize]
  }
  shapes['model.norm.weight'] = [h]
  if (!text.tied) shapes['lm_head.weight'] = [text.vocabSize, h]
  return shapes
}

const EMBEDDING_STD = 0.05
/** Small, so that each block starts near the identity. */
const OUTPUT_STD = 0.02
const OUTPUTS = /\.(o_proj|down_proj|attn\.proj)\.weight$/

/**
 * Weights of a policy that has learnt nothing: embeddings normal with std 0.05, projections back into the residual stream normal
 * with std 0.02, other linears uniform within 1 / sqrt(fan-in) as torch.nn.Linear, norms 1, biases 0.
 * Each weight's numbers depend on the seed and its own name alone.
 */
export const initialWeights = (config: PolicyConfig, seed: number): Readonly<Record<string, HostTensor>> =>
  Object.fromEntries(
    Object.entries(weightShapes(config)).map(([name, shape]) => [
      name,
      { shape, data: initialValues(name, shape, seed) },
    ]),
  )

const initialValues = (name: string, shape: Shape, seed: number): Float32Array => {
  const size = sizeOf(shape)
  const sequence = { seed, stream: streams.initialisation, index: nameIndex(name) }
  const normal = (std: number): Float32Array => Float32Array.from(normals(sequence, size), (z) => z * std)
  if (name.endsWith('.bias')) return new Float32Array(size)
  if (shape.length === 1) return new Float32Array(size).fill(1)
  if (name === 'model.embed_tokens.weight') return normal(EMBEDDING_STD)
  if (OUTPUTS.test(name)) return normal(OUTPUT_STD)
  const bound = 1 / Math.sqrt(size / shape[0]!)
  return Float32Array.from(uniforms(sequence, size), (u) => (2 * u - 1) * bound)
}

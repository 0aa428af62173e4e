import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { decodePolicyConfig } from './config.ts'
import { fixtureDir, right } from './testing.ts'
import { weightShapes } from './weights.ts'

const flat = JSON.parse(readFileSync(join(fixtureDir, 'config.json'), 'utf8')) as Record<string, unknown>
const complaint = (changed: object): string => {
  const result = decodePolicyConfig({ ...flat, ...changed })
  return E.isLeft(result) ? result.left : 'fine'
}
const vision = (changed: object) => ({ vision_config: { ...(flat.vision_config as object), ...changed } })

describe('decodePolicyConfig', () => {
  it("reads the Hub's flat form", () => {
    const { text, vision, tokens } = right(decodePolicyConfig(flat))
    expect(text).toMatchObject({
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      mropeSection: [2, 3, 3],
      ropeTheta: 1e6,
      tied: false,
    })
    expect(vision).toMatchObject({ windowSize: 112, fullAttentionBlocks: [1, 3], headDim: 16, channels: 3 })
    expect(tokens).toMatchObject({ image: 470, end: [460], pad: undefined })
  })

  it('reads the nested form of transformers 5 as the same policy', () => {
    const {
      vision_config,
      image_token_id,
      video_token_id,
      vision_start_token_id,
      vision_end_token_id,
      model_type,
      ...text
    } = flat
    const { rope_theta, rope_scaling, ...rest } = text
    const rope = { ...(rope_scaling as object), rope_theta }
    const outer = {
      vision_config,
      image_token_id,
      video_token_id,
      vision_start_token_id,
      vision_end_token_id,
      model_type,
    }
    const nested = { ...outer, tie_word_embeddings: false, text_config: { ...rest, rope_parameters: rope } }
    expect(decodePolicyConfig(nested)).toEqual(decodePolicyConfig(flat))
  })

  it('names the key that is wrong', () => {
    expect(complaint({ hidden_size: '64' })).toBe('hidden_size: expected a positive integer, found "64"')
    expect(complaint({ num_hidden_layers: undefined })).toBe(
      'num_hidden_layers: expected a positive integer, found nothing',
    )
    expect(complaint(vision({ depth: 0 }))).toBe('vision_config.depth: expected a positive integer, found 0')
    const wrongRoot = decodePolicyConfig('x')
    expect(E.isLeft(wrongRoot) && wrongRoot.left).toBe('it is not a JSON object')
  })

  it('says of another architecture which one it is and which one can be run', () => {
    expect(complaint({ model_type: 'llama' })).toBe(
      'model_type: "llama" is not supported; the policy is Qwen2.5-VL of any size (model_type "qwen2_5_vl")',
    )
    expect(complaint({ model_type: undefined })).toContain('model_type: there is none')
    expect(complaint({ quantization_config: { quant_method: 'awq' } })).toContain('quantised weights are not supported')
    expect(complaint({ quantization_config: null })).toBe('fine')
  })

  it('refuses sizes that do not fit together and settings it does not have', () => {
    expect(complaint({ rope_scaling: { mrope_section: [2, 3, 4] } })).toContain(
      'must sum to half the head dimension, 8',
    )
    expect(complaint({ rope_scaling: null })).toContain('mrope_section')
    expect(complaint({ num_key_value_heads: 3 })).toContain('num_key_value_heads')
    expect(complaint(vision({ out_hidden_size: 32 }))).toContain('out_hidden_size')
    expect(complaint(vision({ window_size: 100 }))).toContain('window_size')
    expect(complaint({ hidden_act: 'gelu' })).toContain('hidden_act')
    expect(complaint({ use_sliding_window: true })).toContain('use_sliding_window')
    expect(complaint({ layer_types: ['full_attention', 'sliding_attention'] })).toContain('layer_types')
    expect(complaint({ rope_scaling: { type: 'yarn', mrope_section: [2, 3, 3] } })).toContain('type "yarn"')
    expect(complaint({ rope_scaling: { type: 'mrope', rope_type: 'default', mrope_section: [2, 3, 3] } })).toBe('fine')
    expect(complaint(vision({ rope_parameters: { rope_theta: 5000 } }))).toContain('vision_config.rope_parameters')
    expect(complaint(vision({ rope_parameters: { rope_theta: 10000, rope_type: 'axial' } }))).toBe('fine')
  })

  it('golden: asks for exactly the weights of the checkpoint that transformers reads', () => {
    const index = JSON.parse(readFileSync(join(fixtureDir, 'model.safetensors.index.json'), 'utf8')) as {
      weight_map: object
    }
    const names = Object.keys(weightShapes(right(decodePolicyConfig(flat)))).sort()
    expect(names).toEqual(Object.keys(index.weight_map).sort())
    const tied = weightShapes(right(decodePolicyConfig({ ...flat, tie_word_embeddings: true })))
    expect('lm_head.weight' in tied).toBe(false)
  })
})

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the tiny checkpoint, whose tokenizer the large models borrow. */
export const tiny = join(dirname(fileURLToPath(import.meta.url)), '../../trainer/fixtures/qwen2_5_vl_tiny')

/** What config.json of Qwen/Qwen2.5-VL-{3B,7B}-Instruct says; special tokens are those of the tiny fixture, whose tokenizer is here. */
const qwen = ({ hidden, mlp, layers, heads, kvHeads, vocabulary, tied }) => ({
  ...JSON.parse(readFileSync(join(tiny, 'config.json'), 'utf8')),
  hidden_size: hidden,
  intermediate_size: mlp,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  tie_word_embeddings: tied,
  torch_dtype: 'bfloat16',
  vocab_size: vocabulary,
  rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] },
  vision_config: {
    depth: 32,
    hidden_act: 'silu',
    hidden_size: 1280,
    intermediate_size: 3420,
    num_heads: 16,
    in_chans: 3,
    out_hidden_size: hidden,
    patch_size: 14,
    spatial_merge_size: 2,
    spatial_patch_size: 14,
    window_size: 112,
    fullatt_block_indexes: [7, 15, 23, 31],
    tokens_per_second: 2,
    temporal_patch_size: 2,
  },
})

export const qwen3b = qwen({
  hidden: 2048,
  mlp: 11008,
  layers: 36,
  heads: 16,
  kvHeads: 2,
  vocabulary: 151936,
  tied: true,
})

export const qwen7b = qwen({
  hidden: 3584,
  mlp: 18944,
  layers: 28,
  heads: 28,
  kvHeads: 4,
  vocabulary: 152064,
  tied: false,
})

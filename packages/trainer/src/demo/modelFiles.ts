import { tokenId, vocabulary } from './vocabulary.ts'

/**
 * `config.json`: Qwen2.5-VL with 0.22 million parameters in the Hub's layout.
 * A 56-pixel picture is 8 x 8 patches of 7, one attention window, merged to 4 x 4 tokens.
 */
export const configJson = {
  architectures: ['Qwen2_5_VLForConditionalGeneration'],
  attention_dropout: 0.0,
  bos_token_id: tokenId('<|endoftext|>'),
  eos_token_id: tokenId('<|im_end|>'),
  vision_start_token_id: tokenId('<|vision_start|>'),
  vision_end_token_id: tokenId('<|vision_end|>'),
  vision_token_id: tokenId('<|vision_pad|>'),
  image_token_id: tokenId('<|image_pad|>'),
  video_token_id: tokenId('<|video_pad|>'),
  hidden_act: 'silu',
  hidden_size: 64,
  initializer_range: 0.02,
  intermediate_size: 128,
  max_position_embeddings: 512,
  max_window_layers: 3,
  model_type: 'qwen2_5_vl',
  num_attention_heads: 4,
  num_hidden_layers: 3,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 100.0,
  rope_scaling: { type: 'mrope', mrope_section: [4, 2, 2] },
  sliding_window: 512,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
  use_cache: true,
  use_sliding_window: false,
  vision_config: {
    depth: 2,
    hidden_act: 'silu',
    hidden_size: 48,
    intermediate_size: 96,
    num_heads: 4,
    in_chans: 3,
    out_hidden_size: 64,
    patch_size: 7,
    spatial_merge_size: 2,
    spatial_patch_size: 7,
    window_size: 56,
    fullatt_block_indexes: [0, 1],
    tokens_per_second: 2,
    temporal_patch_size: 1,
  },
  vocab_size: vocabulary.length,
}

/** `preprocessor_config.json`: pictures between 56 x 56 and 112 x 112 pixels, mostly white. */
export const preprocessorConfigJson = {
  min_pixels: 56 * 56,
  max_pixels: 56 * 56 * 4,
  patch_size: 7,
  temporal_patch_size: 1,
  merge_size: 2,
  image_mean: [0.8, 0.8, 0.8],
  image_std: [0.3, 0.3, 0.3],
  image_processor_type: 'Qwen2VLImageProcessor',
  processor_class: 'Qwen2_5_VLProcessor',
}

/** `generation_config.json`. */
export const generationConfigJson = {
  bos_token_id: tokenId('<|endoftext|>'),
  pad_token_id: tokenId('<|endoftext|>'),
  eos_token_id: [tokenId('<|im_end|>'), tokenId('<|endoftext|>')],
  do_sample: true,
  temperature: 1.0,
}

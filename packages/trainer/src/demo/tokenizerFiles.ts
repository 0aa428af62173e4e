import { responseMarks, specialTokens, vocabulary } from './vocabulary.ts'

const addedToken = (content: string, special: boolean) => ({
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special,
})

const addedTokens = [
  ...specialTokens.map((content) => addedToken(content, true)),
  ...responseMarks.map((content) => addedToken(content, false)),
].map((token, id) => ({ id, ...token }))

/**
 * `tokenizer.json`: BPE without merges. A piece that is in the vocabulary is one token, any other falls apart into characters,
 * and a byte outside printable ASCII becomes `<|endoftext|>` (Qwen's unknown token) instead of vanishing.
 */
export const tokenizerJson = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: addedTokens,
  normalizer: null,
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      {
        type: 'Split',
        pattern: { Regex: ' ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]|\\s' },
        behavior: 'Isolated',
        invert: false,
      },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: '<|endoftext|>',
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: true,
    vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    merges: [],
  },
}

/**
 * Turns without role names: `<|im_start|>` content `<|im_end|>`, and `<|im_start|>` to answer.
 * With one picture that is five tokens around the question and the picture's own.
 */
const chatTemplate = [
  '{% for message in messages %}<|im_start|>',
  "{% if message['content'] is string %}{{ message['content'] }}",
  "{% else %}{% for content in message['content'] %}",
  "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}<|vision_start|><|image_pad|><|vision_end|>",
  "{% elif 'text' in content %}{{ content['text'] }}{% endif %}",
  '{% endfor %}{% endif %}<|im_end|>{% endfor %}',
  '{% if add_generation_prompt %}<|im_start|>{% endif %}',
].join('')

/** `tokenizer_config.json`. */
export const tokenizerConfigJson = {
  add_prefix_space: false,
  added_tokens_decoder: Object.fromEntries(addedTokens.map(({ id, ...token }) => [String(id), token])),
  additional_special_tokens: specialTokens.slice(1),
  bos_token: null,
  chat_template: chatTemplate,
  clean_up_tokenization_spaces: false,
  eos_token: '<|im_end|>',
  errors: 'replace',
  model_max_length: 512,
  pad_token: '<|endoftext|>',
  split_special_tokens: false,
  tokenizer_class: 'Qwen2Tokenizer',
  unk_token: '<|endoftext|>',
}

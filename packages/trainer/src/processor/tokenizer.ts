import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers'

/** Text to token ids and back; no special tokens are added. */
export interface Tokenizer {
  readonly encode: (text: string) => ReadonlyArray<number>
  readonly decode: (ids: ArrayLike<number>, options?: { readonly skipSpecial: boolean }) => string
  readonly idOf: (token: string) => number | undefined
  readonly tokenOf: (id: number) => string | undefined
}

/** From the parsed `tokenizer.json` and `tokenizer_config.json` of the Hub. Throws what the library throws on files it cannot use. */
export const tokenizer = (json: object, config: object): Tokenizer => {
  const inner = new HubTokenizer(json, config)
  return {
    encode: (text) => inner.encode(text, { add_special_tokens: false }).ids,
    decode: (ids, options) =>
      ids.length === 0 // the library throws on an empty list
        ? ''
        : inner.decode(Array.from(ids), {
            skip_special_tokens: options?.skipSpecial ?? false,
            clean_up_tokenization_spaces: false,
          }),
    idOf: (token) => inner.token_to_id(token),
    tokenOf: (id) => inner.id_to_token(id),
  }
}

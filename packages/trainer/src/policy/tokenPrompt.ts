import { ropePositions } from '../processor/positions.ts'
import type { EncodedPrompt } from './types.ts'

/** A prompt without pictures, of token ids: for a tokenizer of your own. At least 2 ids. */
export const tokenPrompt = (id: string, ids: ArrayLike<number>): EncodedPrompt => ({
  id,
  text: '',
  ids: Int32Array.from(ids),
  images: [],
  ...ropePositions(ids, [], { imageToken: -1, mergeSize: 1 }),
})

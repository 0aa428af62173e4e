import { colourNames } from '../data/synthetic/palette.ts'
import { families } from '../data/synthetic/types.ts'

/** Qwen's special tokens that the policy uses, by their real names. */
export const specialTokens = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|vision_start|>',
  '<|vision_end|>',
  '<|vision_pad|>',
  '<|image_pad|>',
  '<|video_pad|>',
] as const

/** Marks of a response that are one token each and stay in decoded text. */
export const responseMarks = ['<think>', '</think>', '\\boxed{'] as const

/** Words of the questions and answers, each one token at the start of a text and one after a space. */
const words: ReadonlyArray<string> = [
  ...colourNames,
  ...families,
  'perimeter',
  'third',
  'circle',
  'square',
  'triangle',
  'how',
  'many',
  'and',
]

/** Signs that questions put a space before. */
const spacedSigns = ['+', '-', '='] as const

/** GPT-2's printable stand-in for the byte of a space; other printable ASCII stands for itself. */
const space = 'Ġ'
/** The stand-in of a line feed. */
const lineFeed = 'Ċ'

/**
 * Token texts in byte-level form by id: specials, response marks, printable ASCII and line feed one character each, words.
 * 144 = 9 * 16 entries, none of them unused, so that every id the policy can draw decodes.
 */
export const vocabulary: ReadonlyArray<string> = [
  ...specialTokens,
  ...responseMarks,
  ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)),
  space,
  lineFeed,
  ...spacedSigns.map((sign) => space + sign),
  ...words.flatMap((word) => [word, space + word]),
]

export const tokenId = (token: (typeof specialTokens)[number]): number => specialTokens.indexOf(token)

/** One preprocessed picture: rows of pixel patches in merge-window order, as the vision tower reads them. */
export interface ProcessedImage {
  /** [t*h*w, 3 * temporalPatchSize * patchSize * patchSize], normalised. */
  readonly pixels: Float32Array
  /** Patches in time, height and width, before merging. */
  readonly grid: readonly [t: number, h: number, w: number]
  /** What a vision encoder that does not change says of it, [merged tokens, d], raster order: the encoder need not look again. */
  readonly features?: Float32Array
}

/** Positions of M-RoPE: time, height and width of each token. */
export type Positions = readonly [time: Int32Array, height: Int32Array, width: Int32Array]

/** A prompt tokenised once; it travels unchanged through rollout, old log-probs and update. */
export interface EncodedPrompt {
  readonly id: string
  /** The rendered chat template, image placeholders not yet expanded. */
  readonly text: string
  /** Token ids with each image placeholder expanded to the picture's merged tokens. At least 2. */
  readonly ids: Int32Array
  readonly positions: Positions
  /** M-RoPE position (equal on the three axes) of the first token after the prompt. */
  readonly nextPosition: number
  readonly images: ReadonlyArray<ProcessedImage>
}

/** What one rollout produced. */
export interface Completion {
  /** Token ids, with the end token if it was drawn. At least 1. */
  readonly ids: Int32Array
  /** ln p of each token under log-softmax(logits / temperature) over the full vocabulary, nats. */
  readonly logprobs: Float64Array
  /** An end token was drawn before the length limit. */
  readonly terminated: boolean
  /** Probability mass that bans, top-k and top-p removed, mean over tokens, [0, 1). */
  readonly excludedMass: number
}

export interface SamplingOptions {
  readonly numGenerations: number
  readonly maxCompletionLength: number
  /** 0 means greedy: argmax over the tokens that may be drawn. */
  readonly temperature: number
  readonly topP: number
  /** 0 means all. */
  readonly topK: number
  /** Token ids that may not be drawn (vision tokens). */
  readonly banned: ReadonlyArray<number>
  readonly endTokens: ReadonlyArray<number>
  /** Key and counter of the draws: Philox(seed; step, prompt, rollout, token). */
  readonly seed: number
  readonly step: number
}

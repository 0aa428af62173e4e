/** One line of `metrics.jsonl`: numbers under TRL's names, EasyR1's `timing_s/*` and `perf/*`, and ours under `durian/*`. */
export type Metrics = Readonly<Record<string, number>> & { readonly step: number }

/** One line of `completions.jsonl`: one prompt of one step with all its rollouts. */
export interface CompletionRecord {
  readonly step: number
  readonly prompt_id: string
  readonly problem: string
  readonly answer: string
  /** Paths relative to the run folder, named by content. */
  readonly images: ReadonlyArray<string>
  readonly extra: Readonly<Record<string, unknown>>
  readonly visual_entropy: number | null
  readonly confidence: number
  readonly perceptual_bucket: number | null
  readonly reasoning_bucket: number | null
  readonly completions: ReadonlyArray<{
    readonly text: string
    /** null: the reward could not be computed, the rollout is left out. */
    readonly reward: number | null
    readonly rewards: Readonly<Record<string, number | null>>
    readonly length: number
    readonly terminated: boolean
    readonly logprob: number
    /** The advantage used in the update. */
    readonly advantage: number
  }>
}

/** `evaluation.json` and the `eval_*` metrics: accuracy on an untouched split, greedy on the test rows. */
export interface Evaluation {
  readonly step: number
  readonly split: string
  readonly count: number
  readonly accuracy: number
  /** 95 % bootstrap interval of the accuracy. */
  readonly interval: readonly [number, number]
  readonly format: number
  readonly mean_length: number
  /** Right (1) or wrong (0) per row, in file order: what paired intervals are made from. */
  readonly correct: ReadonlyArray<number>
  readonly by: Readonly<Record<string, { readonly count: number; readonly accuracy: number }>>
}

import { Finite } from '@durian/core/codec'
import * as t from 'io-ts'
import type { CompletionRecord, Evaluation } from '../run/records.ts'

// Logs may carry keys of later versions: unlike a configuration, they are read by what is known and the rest is left alone.

const orNull = <A>(codec: t.Type<A, A, unknown>): t.Type<A | null, A | null, unknown> => t.union([codec, t.null])

/** A line of metrics.jsonl. What was not finite was written as null. */
export const MetricsLine = t.intersection([t.type({ step: Finite }), t.record(t.string, t.union([Finite, t.null]))])
export type MetricsLine = t.TypeOf<typeof MetricsLine>

export const CompletionLine: t.Decoder<unknown, CompletionRecord> = t.type({
  step: Finite,
  prompt_id: t.string,
  problem: t.string,
  answer: t.string,
  images: t.readonlyArray(t.string),
  extra: t.record(t.string, t.unknown),
  visual_entropy: orNull(Finite),
  confidence: Finite,
  perceptual_bucket: orNull(Finite),
  reasoning_bucket: orNull(Finite),
  completions: t.readonlyArray(
    t.type({
      text: t.string,
      reward: orNull(Finite),
      rewards: t.record(t.string, orNull(Finite)),
      length: Finite,
      terminated: t.boolean,
      logprob: Finite,
      advantage: Finite,
    }),
  ),
})

export const EvaluationLine: t.Decoder<unknown, Evaluation> = t.type({
  step: Finite,
  split: t.string,
  count: Finite,
  accuracy: Finite,
  interval: t.tuple([Finite, Finite]),
  format: Finite,
  mean_length: Finite,
  correct: t.readonlyArray(Finite),
  by: t.record(t.string, t.type({ count: Finite, accuracy: Finite })),
})

/** A line of cold-start/metrics.jsonl. */
export const ColdStartMetrics = t.intersection([
  t.type({ stage: t.string, step: Finite, loss: Finite, learning_rate: Finite }),
  t.partial({ sampled_accuracy: Finite }),
])
export type ColdStartMetrics = t.TypeOf<typeof ColdStartMetrics>

/** cold_start.json: what the policy could do at stages of the cold start. */
export const ColdStartFacts = t.type({
  thinkingOnly: orNull(EvaluationLine as t.Type<Evaluation, Evaluation, unknown>),
})

export const EnvironmentFile = t.record(t.string, t.unknown)

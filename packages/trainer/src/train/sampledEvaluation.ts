import type { Params } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { Dataset } from '../data/dataset.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { generate } from '../policy/generate.ts'
import { policyWeights } from '../policy/params.ts'
import { lastBoxed } from '../reward/index.ts'
import { bootstrapInterval } from '../run/intervals.ts'
import type { EvaluationContext } from './evaluate.ts'
import { majorityAccuracy, passAtK } from './passAtK.ts'
import { encodeRows } from './rollout.ts'

export interface SampledOptions {
  /** n, completions per row. */
  readonly numGenerations: number
  readonly maxCompletionLength: number
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly seed: number
  readonly samples: number | null
  readonly onProgress?: (done: number, total: number) => void
}

export interface Rate {
  readonly mean: number
  /** 95 % bootstrap interval over rows. */
  readonly interval: readonly [number, number]
}

export interface SampledEvaluation {
  readonly generations: number
  /** pass@k by k: 1, 2, 4, … n. */
  readonly pass: Readonly<Record<string, Rate>>
  readonly majority: Rate
}

/** Completions decoded together. */
const CHUNK = 256

/** pass@k and maj@n of n sampled completions per row. */
export const sampledEvaluation =
  <T>({ backend, policy, base, processor, rewarder }: EvaluationContext<T>) =>
  (params: Params<T>, dataset: Dataset, options: SampledOptions): TE.TaskEither<TrainError, SampledEvaluation> =>
    attempt(async (take) => {
      const n = options.numGenerations
      const rows = options.samples === null ? dataset.rows : dataset.rows.slice(0, options.samples)
      const perChunk = Math.max(1, Math.floor(CHUNK / n))
      const rightCounts: Array<number> = []
      const majorities: Array<number> = []
      for (let from = 0; from < rows.length; from += perChunk) {
        const tasks = await take(encodeRows(processor, rows.slice(from, from + perChunk)))
        const drawn = await take(
          generate(backend, policy)(
            policyWeights(params, base),
            tasks.map((task) => task.prompt),
            {
              ...options,
              banned: processor.tokens.vision,
              endTokens: processor.tokens.end,
              step: 0,
              promptIndices: tasks.map((_, i) => from + i),
            },
          ),
        )
        const scored = tasks.flatMap(({ row }, s) =>
          drawn[s]!.map(({ ids }) => ({
            row,
            response: processor.tokenizer.decode(ids, { skipSpecial: true }),
            length: ids.length,
          })),
        )
        const rewards = await take(rewarder(scored))
        tasks.forEach((_, s) => {
          const votes = scored.slice(s * n, (s + 1) * n).map(({ response }, i) => {
            const { parts, total } = rewards[s * n + i]!
            const score = 'accuracy_reward' in parts ? parts['accuracy_reward'] : total
            return { answer: lastBoxed(response)?.trim() ?? null, right: (score ?? 0) > 0.5 }
          })
          rightCounts.push(votes.filter(({ right }) => right).length)
          majorities.push(majorityAccuracy(votes))
        })
        options.onProgress?.(rightCounts.length, rows.length)
      }
      const ks = [...new Set([...Array.from({ length: 31 }, (_, i) => 2 ** i).filter((k) => k < n), n])]
      return {
        generations: n,
        pass: Object.fromEntries(
          ks.map((k) => [
            String(k),
            bootstrapInterval(
              rightCounts.map((c) => passAtK({ n, c, k })),
              { seed: options.seed },
            ),
          ]),
        ),
        majority: bootstrapInterval(majorities, { seed: options.seed }),
      }
    })

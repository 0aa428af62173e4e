import type { Backend, Params, WeightSource } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { generate } from '../policy/generate.ts'
import { policyWeights } from '../policy/params.ts'
import type { Completion, SamplingOptions } from '../policy/types.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { encodeRows, type Task } from './rollout.ts'

/** What rows are answered with. */
export interface DrawContext<T> {
  readonly backend: Backend<T>
  readonly policy: PolicyConfig
  /** Weights beneath the parameters; left out where the parameters are all there is. */
  readonly base?: WeightSource<T> | undefined
  readonly processor: Processor
}

export interface DrawRowsOptions extends Omit<SamplingOptions, 'banned' | 'endTokens'> {
  /** Completions decoded together, default 256: bounds the memory of the KV cache and of the logits. */
  readonly batchSize?: number
  /** Gets the rows in order, some at a time, as soon as they are answered. */
  readonly use: (drawn: ReadonlyArray<Drawn>) => void | Promise<void>
}

/** A row and its completions, [numGenerations]. */
export interface Drawn extends Task {
  readonly completions: ReadonlyArray<Completion>
}

const BATCH = 256

/** Completions of rows, vision tokens banned. A row's draws depend on its place in the list and on nothing else about the others. */
export const drawRows =
  <T>({ backend, policy, base, processor }: DrawContext<T>) =>
  (
    params: Params<T>,
    rows: ReadonlyArray<Row>,
    { use, batchSize = BATCH, ...sampling }: DrawRowsOptions,
  ): TE.TaskEither<TrainError, void> =>
    attempt(async (take) => {
      const atOnce = Math.max(1, Math.floor(batchSize / sampling.numGenerations))
      for (let from = 0; from < rows.length; from += atOnce) {
        const tasks = await take(encodeRows(processor, rows.slice(from, from + atOnce)))
        const drawn = await take(
          generate(backend, policy)(
            policyWeights(params, base),
            tasks.map(({ prompt }) => prompt),
            {
              ...sampling,
              banned: processor.tokens.vision,
              endTokens: processor.tokens.end,
              promptIndices: tasks.map((_, i) => from + i),
            },
          ),
        )
        await use(tasks.map((task, i) => ({ ...task, completions: drawn[i]! })))
      }
    })

import type * as t from 'io-ts'
import { trainFields } from './fields.ts'
import { codecOf, type ValuesOf } from './table.ts'

/** A resolved training configuration: every key of the table, TRL's snake_case names, groups nested as in the file. */
export type TrainConfig = ValuesOf<typeof trainFields>

/** Some keys of a tree, at every level; lists are whole. */
export type Partially<A> =
  A extends ReadonlyArray<unknown> ? A : A extends object ? { readonly [K in keyof A]?: Partially<A[K]> } : A

/** Decodes a plain tree into a `TrainConfig`: defaults filled in, unknown keys refused. Cross-field rules are `configProblems`. */
export const TrainConfig: t.Type<TrainConfig, TrainConfig, unknown> = codecOf('TrainConfig', trainFields)

/** What follows from the batch keys. */
export interface BatchArithmetic {
  readonly promptsPerStep: number
  /** Completions per optimiser step. */
  readonly updateBatch: number
  readonly updatesPerStep: number
  readonly microBatchesPerUpdate: number
  readonly optimiserSteps: number
}

export const batchArithmetic = (config: TrainConfig): BatchArithmetic => {
  const updateBatch = config.per_device_train_batch_size * config.gradient_accumulation_steps
  const updatesPerStep = (config.generation_batch_size / updateBatch) * config.num_iterations
  return {
    promptsPerStep: config.generation_batch_size / config.num_generations,
    updateBatch,
    updatesPerStep,
    microBatchesPerUpdate: config.gradient_accumulation_steps,
    optimiserSteps: updatesPerStep * config.max_steps,
  }
}

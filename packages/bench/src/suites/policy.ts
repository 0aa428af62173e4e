import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Backend, initAdamW, residentWeights } from '@durian/core'
import {
  attempt,
  combineRewards,
  encodeRows,
  generate,
  initialWeights,
  loadDataset,
  loadPolicyConfig,
  loadProcessor,
  makeData,
  readConfig,
  replaced,
  rlFamilies,
  rollOut,
  samplingOptions,
  sftFamilies,
  stopwatch,
  toDevice,
  type TrainConfig,
  type TrainError,
  update,
  type Dataset,
  type Learner,
} from '@durian/trainer'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { Case } from '../harness.ts'

/** The demo's folder: its configuration and tokenizer are read, its weights are not. */
export const demoFolder = join(import.meta.dirname, '..', '..', '..', '..', 'models', 'demo')
export const seed = 3

/** How much of the demo's work is done at once. */
export interface PolicySizes {
  readonly prompts: number
  /** Of each prompt. */
  readonly rollouts: number
  /** Most tokens of a completion. */
  readonly length: number
}

/** The demo's rollout batch. */
const demo: PolicySizes = { prompts: 32, rollouts: 8, length: 32 }

/** The demo's pictures and questions, made anew: nothing is read from the checkout but the model's configuration. */
export const demoRows = (prompts: number): TE.TaskEither<TrainError, Dataset> =>
  attempt(async (take) => {
    const directory = mkdtempSync(join(tmpdir(), 'durian-bench-'))
    try {
      const rl = { noise: 0.45, clutter: 12, families: rlFamilies }
      const sft = { noise: 0.3, clutter: 8, families: sftFamilies }
      const options = { train: rl, validation: rl, test: rl, sft }
      await take(makeData({ directory, seed, rows: { train: prompts, validation: 0, test: 0, sft: 0 }, options }))
      return await take(loadDataset(join(directory, 'train.parquet')))
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

/** A run of these sizes: one update a step, at 1e-4; `more` as `key=value`. */
export const demoConfig = (
  { prompts, rollouts, length }: PolicySizes,
  more: ReadonlyArray<string> = [],
): TE.TaskEither<TrainError, TrainConfig> =>
  readConfig({
    overrides: [
      `model_name_or_path=${demoFolder}`,
      'dataset=made',
      'output_dir=unused',
      `seed=${seed}`,
      `num_generations=${rollouts}`,
      `generation_batch_size=${prompts * rollouts}`,
      `per_device_train_batch_size=${prompts * rollouts}`,
      `max_completion_length=${length}`,
      'learning_rate=1e-4',
      ...more,
    ],
  })

/** Takes the value of an effect inside a timed run, where a failure ends the benchmark. */
export const value = async <A>(effect: TE.TaskEither<TrainError, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error('message' in result.left ? result.left.message : result.left.reason)
  return result.right
}

/** Sampling and the update of one step, ready to be run again and again. */
export interface PolicyWork {
  /** Draw the completions; with `length`, exactly so many tokens of each, whatever their end. */
  readonly sample: (length?: number) => Promise<number>
  /** Gradient, clipping, AdamW. */
  readonly update: () => Promise<void>
  /** Tokens of the completions that the update trains on. */
  readonly drawn: number
}

/**
 * One step of the demo. Weights are random from a fixed seed, so that a better checkpoint does not change what is timed; advantages are +1
 * and -1 in turns. Everything ends with a read from the device.
 */
export const policyWork = <T>(
  backend: Backend<T>,
  { prompts, rollouts, length }: PolicySizes,
): TE.TaskEither<TrainError, PolicyWork> =>
  attempt(async (take) => {
    const config = await take(demoConfig({ prompts, rollouts, length }))
    const policy = await take(loadPolicyConfig(demoFolder))
    const processor = await take(loadProcessor(demoFolder))
    const functions = [{ name: 'accuracy_reward', weight: 1 }]
    const rewarder = await take(combineRewards({ functions }))
    const tasks = await take(encodeRows(processor, (await take(demoRows(prompts))).rows))
    const params = toDevice(backend)(initialWeights(policy, seed))
    const learner: Learner<T> = { params, optimizer: initAdamW(backend.ops, params) }
    const clock = stopwatch(() => performance.now())
    const context = { backend, config, policy, processor, rewarder }
    const groups = await take(rollOut(context, clock)(params, tasks, { step: 0, firstPrompt: 0 }))
    const advantages = groups.map(({ completions }) => completions.map((_, i) => (i % 2 === 0 ? 1 : -1)))
    const drawn = groups.reduce(
      (sum, { completions }) => sum + completions.reduce((n, { ids }) => n + ids.length, 0),
      0,
    )

    const sample = generate(backend, policy)
    const encoded = tasks.map(({ prompt }) => prompt)
    const train = update({ backend, config, policy, reference: null, learningRate: () => config.learning_rate })
    return {
      drawn,
      sample: async (exactly) => {
        const options = samplingOptions(config, processor, 0)
        const completions = await value(
          sample(
            residentWeights(params),
            encoded,
            exactly === undefined ? options : { ...options, maxCompletionLength: exactly, endTokens: [] },
          ),
        )
        return completions.flat().reduce((total, { ids }) => total + ids.length, 0)
      },
      update: async () => {
        const next = await value(train(learner, groups, advantages))
        backend.memory.free(replaced(next.learner, learner))
      },
    }
  })

/** Sampling and the update of one step of the demo: 32 prompts x 8 rollouts of at most 32 tokens. */
export const policyCases = <T>(backend: Backend<T>): TE.TaskEither<TrainError, ReadonlyArray<Case>> =>
  attempt(async (take) => {
    const { sample, update: train, drawn } = await take(policyWork(backend, demo))
    const size = `${demo.prompts} x ${demo.rollouts} x <= ${demo.length} tokens`
    const work = { count: () => drawn, unit: 'tokens' }
    return [
      {
        suite: `policy on ${backend.name}`,
        name: 'sampling',
        size,
        work,
        subjects: [
          {
            by: 'durian',
            once: async () => {
              const again = await sample()
              if (again !== drawn)
                throw new Error(`sampling gave ${again} tokens and ${drawn} before, with the same seed`)
            },
          },
        ],
      },
      {
        suite: `policy on ${backend.name}`,
        name: 'update (gradient, AdamW)',
        size,
        work,
        subjects: [{ by: 'durian', once: train }],
      },
    ]
  })

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNodeBackend } from '@durian/backend-node'
import { either as E, type taskEither as TE } from 'fp-ts'
import { readConfig } from '../config/readConfig.ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { makeData, rlFamilies, sftFamilies } from '../data/synthetic/makeData.ts'
import { prepare } from './prepare.ts'
import type { TrainHooks } from './hooks.ts'
import { findResume } from './resume.ts'
import { train, type TrainResult } from './train.ts'

/** The value of an effect that a test expects to succeed. */
export const value = async <L, A>(effect: TE.TaskEither<L, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error(`unexpected failure: ${JSON.stringify(result.left)}`)
  return result.right
}

export const demoModel = fileURLToPath(new URL('../../../../models/demo', import.meta.url))

export const quietHooks: TrainHooks = {
  clock: () => performance.now(),
  interrupted: () => false,
  onNote: () => undefined,
  onColdStart: () => undefined,
  onStep: () => undefined,
  onEvaluation: () => undefined,
  onEvaluationProgress: () => undefined,
}

/** A folder with a little synthetic data, made once per test file. */
export const smallData = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'durian-test-'))
  const rl = { noise: 0.2, clutter: 4, families: rlFamilies }
  const sft = { noise: 0.2, clutter: 4, families: sftFamilies }
  await value(
    makeData({
      directory,
      seed: 5,
      rows: { train: 24, validation: 8, test: 8, sft: 40 },
      options: { train: rl, validation: rl, test: rl, sft },
    }),
  )
  return directory
}

/** A run of a few seconds: 4 prompts x 4 rollouts a step. Random weights, so that rewards differ by chance alone. */
export const smallConfig = (data: string, name: string, overrides: ReadonlyArray<string> = []): Promise<TrainConfig> =>
  value(
    readConfig({
      overrides: [
        `model_name_or_path=${demoModel}`,
        `dataset=${join(data, 'train.parquet')}`,
        `validation_dataset=${join(data, 'validation.parquet')}`,
        `test_dataset=${join(data, 'test.parquet')}`,
        `output_dir=${join(data, name)}`,
        'backend=wasm',
        'seed=3',
        'num_generations=4',
        'generation_batch_size=16',
        'per_device_train_batch_size=16',
        'max_completion_length=12',
        'max_steps=4',
        'save_steps=2',
        'eval_steps=2',
        'learning_rate=1e-3',
        ...overrides,
      ],
    }),
  )

/** A whole run as the command line does it, without its printing. */
export const runTraining = async (config: TrainConfig, hooks: Partial<TrainHooks> = {}): Promise<TrainResult> => {
  const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
  const prepared = await value(prepare(config))
  return value(train(backend, prepared, { ...quietHooks, ...hooks })(await value(findResume(config))))
}

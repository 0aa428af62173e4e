import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { TrainConfig } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import type { Evaluation } from '../run/records.ts'
import { listCheckpoints, readCheckpointState, type SavedCheckpoint } from './checkpoint.ts'

/** Keys that may differ between a run and its continuation: they do not touch what a step computes. */
const FREE_KEYS: ReadonlySet<string> = new Set([
  'max_steps',
  'output_dir',
  'backend',
  'logging_steps',
  'eval_steps',
  'eval_samples',
  'eval_temperature',
  'eval_top_p',
  'save_steps',
  'save_total_limit',
  'num_completions_to_log',
  'resume',
  'dry_run',
  'gradient_checkpointing',
  'base_weights',
  'num_workers',
  'wasm_threads',
])

/** A key that came into being since the run was made had its default then. */
const withDefaults = (config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const decoded = TrainConfig.decode(config)
  return E.isRight(decoded) ? TrainConfig.encode(decoded.right) : config
}

/** The checkpoint to go on from; null = from the beginning. */
export const findResume = (config: TrainConfig): TE.TaskEither<TrainError, SavedCheckpoint | null> =>
  attempt(async (take) => {
    if (config.resume === false) return null
    const directory = config.resume === 'auto' ? (await listCheckpoints(config.output_dir)).at(-1) : config.resume
    if (directory === undefined) return null
    const saved = await take(readCheckpointState(directory))
    const now = TrainConfig.encode(config) as unknown as Record<string, unknown>
    const then = withDefaults(saved.state.config)
    const changed = Object.keys(now).filter(
      (key) => !FREE_KEYS.has(key) && JSON.stringify(now[key]) !== JSON.stringify(then[key]),
    )
    if (config.lr_scheduler_type !== 'constant' && then['max_steps'] !== config.max_steps) changed.push('max_steps')
    if (changed.length > 0)
      await take(
        E.left(
          badInput(
            `${config.output_dir} holds a run with another ${changed.join(', ')}; set it back to continue, or give another output_dir to start anew.`,
          ),
        ),
      )
    return saved
  })

/** Evaluations on the test split that are in the folder's log. */
export const testEvaluations = async (runFolder: string): Promise<ReadonlyArray<Evaluation>> => {
  const text = await readFile(join(runFolder, 'evaluation.jsonl'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Evaluation)
    .filter((evaluation) => evaluation.split === 'test')
}

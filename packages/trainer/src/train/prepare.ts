import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type HostTensor } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { type Dataset, loadDataset } from '../data/dataset.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { loadPolicyConfig, loadWeights } from '../policy/files.ts'
import { initialWeights } from '../policy/weights.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import { combineRewards, type Rewarder } from '../reward/index.ts'

/** Everything a run reads, checked, before any device is opened. */
export interface Prepared {
  readonly config: TrainConfig
  readonly policy: PolicyConfig
  readonly processor: Processor
  readonly rewarder: Rewarder
  /** The folder's weights, or random ones with from_scratch. */
  readonly weights: Readonly<Record<string, HostTensor>>
  readonly dataset: Dataset
  readonly validation: Dataset | null
  readonly test: Dataset | null
  /** Rows of the cold start; null when there is none to make. */
  readonly sft: Dataset | null
}

/** The configured rewards as one function. */
export const rewarderOf = (config: TrainConfig): TE.TaskEither<TrainError, Rewarder> =>
  combineRewards({
    functions: config.reward_funcs.map((name, i) => ({ name, weight: config.reward_weights[i]! })),
    grader: config.grader,
    timeout: config.reward_timeout,
    workers: config.num_workers,
    ...(config.soft_overlong.enabled
      ? {
          softOverlong: {
            maxCompletionLength: config.max_completion_length,
            softPunishCache: config.soft_overlong.soft_punish_cache,
            weight: config.soft_overlong.weight,
          },
        }
      : {}),
  })

/** A cold start is made in this run. */
export const makesColdStart = (config: TrainConfig): boolean =>
  config.sft !== null && (config.sft.when === 'always' || config.from_scratch)

/** Reads and checks model, data and rewards; the first fault ends it with one sentence. */
export const prepare = (config: TrainConfig): TE.TaskEither<TrainError, Prepared> =>
  attempt(async (take) => {
    const folder = config.model_name_or_path
    if (!existsSync(folder))
      await take(
        E.left(
          badInput(
            `model_name_or_path ${folder} does not exist; give a folder in the Hub's layout (config.json, tokenizer.json, safetensors).`,
          ),
        ),
      )
    const rewarder = await take(rewarderOf(config))
    const policy = await take(loadPolicyConfig(folder))
    const processor = await take(loadProcessor(folder))
    const weights = config.from_scratch ? initialWeights(policy, config.seed) : await take(loadWeights(folder, policy))
    const optional = (spec: string | null) => (spec === null ? Promise.resolve(null) : take(loadDataset(spec)))
    const dataset = await take(loadDataset(config.dataset))
    const validation = await optional(config.validation_dataset)
    const test = await optional(config.test_dataset)
    const sft = makesColdStart(config) ? await take(loadDataset(config.sft!.dataset ?? config.dataset)) : null
    for (const part of [dataset, validation, test, sft])
      if (part !== null) await take(checkPrompts(processor, config, part))
    return { config, policy, processor, rewarder, weights, dataset, validation, test, sft }
  })

/** Rows that are encoded to the last pixel here when no length limit asks for all of them. */
const PROBES = 8

/**
 * Encodes prompts before any compute: every row where `max_prompt_length` is set, else the first rows and each row whose text holds a
 * special token, which is what makes image tokens and pictures disagree.
 */
const checkPrompts = (
  processor: Processor,
  config: TrainConfig,
  { rows, source }: Dataset,
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const limit = config.max_prompt_length
    for (const [i, row] of rows.entries()) {
      if (limit === null && i >= PROBES && !row.problem.includes('<|')) continue
      const prompt = await take(encodePrompt(processor)(row))
      if (limit !== null && prompt.ids.length > limit)
        await take(
          E.left(
            badInput(
              `Row ${row.id} of ${source} has a prompt of ${prompt.ids.length} tokens; raise max_prompt_length (${limit}), lower max_pixels in preprocessor_config.json, or leave the row out.`,
            ),
          ),
        )
    }
  })

/** Where a run keeps the policy its cold start made. */
export const coldStartFolder = (config: TrainConfig): string => join(config.output_dir, 'cold-start')

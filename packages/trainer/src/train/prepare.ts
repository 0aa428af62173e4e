import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type HostTensor } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { type Dataset, type DatasetOptions, loadDataset } from '../data/dataset.ts'
import { readFormatPrompt } from '../data/formatPrompt.ts'
import { usableRows, type UsableOptions } from '../data/usableRows.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { isAdapterFolder, type LoadedAdapter } from '../policy/adapterFiles.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { loadPolicyConfig, loadWeights } from '../policy/files.ts'
import { loadStoredWeights, storedDtypes, type StoredWeights } from '../policy/storedWeights.ts'
import { initialWeights } from '../policy/weights.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import { combineRewards, type Rewarder } from '../reward/index.ts'
import { startingAdapter } from './adapter.ts'

/** Everything a run reads, checked, before any device is opened. */
export interface Prepared {
  readonly config: TrainConfig
  readonly policy: PolicyConfig
  readonly processor: Processor
  readonly rewarder: Rewarder
  /** The folder's weights, or random ones with from_scratch; empty where they are streamed. */
  readonly weights: Readonly<Record<string, HostTensor>>
  /** With base_weights streamed, the folder's weights as they lie on the host; else null. */
  readonly stored: StoredWeights | null
  /** The adapter that is trained on top of them; null when they are trained themselves. */
  readonly adapter: LoadedAdapter | null
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
    if (isAdapterFolder(folder) && !existsSync(join(folder, 'config.json')))
      await take(
        E.left(
          badInput(
            `model_name_or_path ${folder} is a PEFT adapter; name its base model there, and set lora.adapter_name_or_path=${folder} to go on from it.`,
          ),
        ),
      )
    const rewarder = await take(rewarderOf(config))
    const policy = await take(loadPolicyConfig(folder))
    const base = makesColdStart(config) ? coldStartFolder(config) : folder
    const adapter = await take(startingAdapter(config, policy, base))
    const processor = await take(loadProcessor(folder, config))
    const streamed = config.base_weights === 'streamed'
    const stored = streamed ? await take(loadStoredWeights(folder, policy, storedDtypes[config.base_dtype])) : null
    const weights = streamed
      ? {}
      : config.from_scratch
        ? initialWeights(policy, config.seed)
        : await take(loadWeights(folder, policy))
    const options = await take(dataOptions(config))
    const load = (spec: string, probes: number) =>
      attempt<TrainError, Dataset>(async (take) =>
        take(usableRows(processor, usableOptions(config, probes))(await take(loadDataset(spec, options)))),
      )
    // Rows that are not drawn but all used must all be known to be good before they are skipped in silence.
    const all = config.on_bad_row === 'skip' ? Infinity : PROBES
    const optional = (spec: string | null) => (spec === null ? Promise.resolve(null) : take(load(spec, all)))
    const dataset = await take(load(config.dataset, PROBES))
    const validation = await optional(config.validation_dataset)
    const test = await optional(config.test_dataset)
    const sft = makesColdStart(config) ? await take(load(config.sft!.dataset ?? config.dataset, all)) : null
    return { config, policy, processor, rewarder, weights, stored, adapter, dataset, validation, test, sft }
  })

/** Rows that are encoded to the last pixel before a run. */
const PROBES = 8

const usableOptions = (config: TrainConfig, probes: number): UsableOptions => ({
  maxPromptLength: config.max_prompt_length,
  filterOverlongPrompts: config.filter_overlong_prompts,
  onBadRow: config.on_bad_row,
  probes,
})

/** How the configuration wants its rows read. Left: the format prompt's file cannot be. */
export const dataOptions = ({
  columns,
  system_prompt: systemPrompt,
  format_prompt: file,
  on_bad_row: onBadRow,
}: Pick<TrainConfig, 'columns' | 'system_prompt' | 'format_prompt' | 'on_bad_row'>): TE.TaskEither<
  TrainError,
  DatasetOptions
> =>
  attempt(async (take) => ({
    columns,
    systemPrompt,
    onBadRow,
    formatPrompt: file === null ? null : await take(readFormatPrompt(file)),
  }))

/** Where a run keeps the policy its cold start made. */
export const coldStartFolder = (config: TrainConfig): string => join(config.output_dir, 'cold-start')

import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { type Backend, type HostTensor, type Params, type WeightSource } from '@durian/core'
import { type Command, Option } from 'commander'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { floatsOf, type NamedTensor } from '../io/safetensors.ts'
import type { TrainError } from '../errors.ts'
import { adapterBase, isAdapterFolder, loadAdapter, readAdapterFacts } from '../policy/adapterFiles.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { checkWeights, eachWeight, loadPolicyConfig } from '../policy/files.ts'
import { frozenWeight } from '../policy/params.ts'
import { loadStoredWeights, storedDtypes, streamedWeights } from '../policy/storedWeights.ts'
import { imageSettings, loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import type { PixelLimits } from '../processor/pixelLimits.ts'
import { CHECKPOINT_STATE, readCheckpointState } from '../train/checkpoint.ts'
import { modelFolder, modelHelp } from './modelFolder.ts'

/** Which policy, and where its weights lie: `--model`, `--adapter`, `--base_weights` and `--base_dtype`. */
export interface ModelFlags {
  readonly model: string
  readonly adapter?: string
  readonly base_weights: 'resident' | 'streamed'
  readonly base_dtype: keyof typeof storedDtypes
}

export const addModelFlags = (command: Command): Command =>
  command
    .requiredOption('--model <model>', `${modelHelp}; a folder with a PEFT adapter stands on the base model it names`)
    .option('--adapter <folder>', 'PEFT adapter to put on the model')
    .addOption(
      new Option(
        '--base_weights <where>',
        'the model on the device in float32, or on the host and widened layer by layer when needed: less memory, more time, the same numbers',
      )
        .choices(['resident', 'streamed'])
        .default('resident'),
    )
    .addOption(
      new Option('--base_dtype <dtype>', 'how streamed weights lie on the host; auto = as in their file')
        .choices(Object.keys(storedDtypes))
        .default('auto'),
    )

/** A policy and what lies between rows and its input, on the host. */
export interface OpenedModel {
  /** Of the model itself, where there is an adapter too. */
  readonly folder: string
  readonly config: PolicyConfig
  readonly processor: Processor
  /** Those that its adapter was trained with, which `processor` has; empty where the model's own hold. */
  readonly limits: PixelLimits
  /** What an adapter puts beside the weights; empty without one. */
  readonly adapter: Readonly<Record<string, HostTensor>>
  /** Whether the model stays on the host, and in which bits. */
  readonly storage: Pick<ModelFlags, 'base_weights' | 'base_dtype'>
}

/** Where the base of an adapter is: in a folder, or on the Hub. */
const baseOf = (adapter: string): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const { base_model_name_or_path: base } = await take(readAdapterFacts(adapter))
    const here = base === null || isAbsolute(base) || existsSync(base) || existsSync(resolve(adapter, base))
    return here ? take(adapterBase(adapter)) : take(modelFolder(base, { name: `The base model of ${adapter}` }))
  })

const PROCESSOR_FILES = ['preprocessor_config.json', 'processor_config.json']

/** The sizes of pictures an adapter was trained on: of its run, where the folder is a checkpoint, or of the processor it was saved with. */
const limitsOf = (adapter: string, config: PolicyConfig): TE.TaskEither<TrainError, PixelLimits> =>
  attempt(async (take) => {
    if (existsSync(join(adapter, CHECKPOINT_STATE))) {
      const { min_pixels, max_pixels }: PixelLimits = (await take(readCheckpointState(adapter))).state.config
      return { min_pixels: min_pixels ?? null, max_pixels: max_pixels ?? null }
    }
    if (!PROCESSOR_FILES.some((name) => existsSync(join(adapter, name)))) return {}
    const { minPixels, maxPixels } = await take(imageSettings(adapter, config))
    return { min_pixels: minPixels, max_pixels: maxPixels }
  })

/** Reads and checks all of the policy that the flags name but its weights' data; a model of the Hub is looked up or downloaded. */
export const openModel = (flags: ModelFlags): TE.TaskEither<TrainError, OpenedModel> =>
  attempt(async (take) => {
    const named = await take(modelFolder(flags.model, { name: '--model' }))
    const isAdapter = flags.adapter === undefined && isAdapterFolder(named)
    const folder = isAdapter ? await take(baseOf(named)) : named
    const adapter = isAdapter ? named : flags.adapter
    const config = await take(loadPolicyConfig(folder))
    const limits = adapter === undefined ? {} : await take(limitsOf(adapter, config))
    const processor = await take(loadProcessor(folder, limits))
    await take(checkWeights(folder, config))
    const tensors = adapter === undefined ? {} : (await take(loadAdapter(adapter, config))).tensors
    return { folder, config, processor, limits, adapter: tensors, storage: flags }
  })

/**
 * Reads the weights onto the device, one at a time, for as long as `use` runs: the host never holds them all. Streamed, they stay on the host as
 * the base, and the parameters are the adapter's alone.
 */
export const withWeights = <T, A>(
  { memory, ops }: Backend<T>,
  { folder, config, adapter, storage }: Pick<OpenedModel, 'folder' | 'config' | 'adapter' | 'storage'>,
  use: (params: Params<T>, base: WeightSource<T> | undefined) => TE.TaskEither<TrainError, A>,
): TE.TaskEither<TrainError, A> =>
  attempt((take) =>
    memory.bracket(async (held) => {
      const params: Record<string, T> = {}
      const keep = (name: string, tensor: HostTensor): void => {
        params[name] = held.keep(frozenWeight({ ops, memory }, ops.fromHost(tensor)))
      }
      const visit = (weight: NamedTensor): void => keep(weight.name, { shape: weight.shape, data: floatsOf(weight) })
      const isStreamed = storage.base_weights === 'streamed'
      const stored = isStreamed
        ? await take(loadStoredWeights(folder, config, storedDtypes[storage.base_dtype]))
        : undefined
      if (stored === undefined) await take(eachWeight(folder, config, { visit }))
      for (const [name, tensor] of Object.entries(adapter)) keep(name, tensor)
      return take(use(params, stored && streamedWeights(ops, stored)))
    }),
  )

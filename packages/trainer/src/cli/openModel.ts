import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { type Backend, type HostTensor, type Params } from '@durian/core'
import type { Command } from 'commander'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { floatsOf, type NamedTensor } from '../io/safetensors.ts'
import type { TrainError } from '../errors.ts'
import { adapterBase, isAdapterFolder, loadAdapter, readAdapterFacts } from '../policy/adapterFiles.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { checkWeights, eachWeight, loadPolicyConfig } from '../policy/files.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import { modelFolder, modelHelp } from './modelFolder.ts'

/** Which policy: `--model` and `--adapter`. */
export interface ModelFlags {
  readonly model: string
  readonly adapter?: string
}

export const addModelFlags = (command: Command): Command =>
  command
    .requiredOption('--model <model>', `${modelHelp}; a folder with a PEFT adapter stands on the base model it names`)
    .option('--adapter <folder>', 'PEFT adapter to put on the model')

/** A policy and what lies between rows and its input, on the host. */
export interface OpenedModel {
  /** Of the model itself, where there is an adapter too. */
  readonly folder: string
  readonly config: PolicyConfig
  readonly processor: Processor
  /** What an adapter puts beside the weights; empty without one. */
  readonly adapter: Readonly<Record<string, HostTensor>>
}

/** Where the base of an adapter is: in a folder, or on the Hub. */
const baseOf = (adapter: string): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const { base_model_name_or_path: base } = await take(readAdapterFacts(adapter))
    const here = base === null || isAbsolute(base) || existsSync(base) || existsSync(resolve(adapter, base))
    return here ? take(adapterBase(adapter)) : take(modelFolder(base, { name: `The base model of ${adapter}` }))
  })

/** Reads and checks all of the policy that the flags name but its weights' data; a model of the Hub is looked up or downloaded. */
export const openModel = (flags: ModelFlags): TE.TaskEither<TrainError, OpenedModel> =>
  attempt(async (take) => {
    const named = await take(modelFolder(flags.model, { name: '--model' }))
    const isAdapter = flags.adapter === undefined && isAdapterFolder(named)
    const folder = isAdapter ? await take(baseOf(named)) : named
    const adapter = isAdapter ? named : flags.adapter
    const processor = await take(loadProcessor(folder))
    const config = await take(loadPolicyConfig(folder))
    await take(checkWeights(folder, config))
    const tensors = adapter === undefined ? {} : (await take(loadAdapter(adapter, config))).tensors
    return { folder, config, processor, adapter: tensors }
  })

/** Reads the weights onto the device, one at a time, for as long as `use` runs: the host never holds them all. */
export const withWeights = <T, A>(
  { memory, ops }: Backend<T>,
  { folder, config, adapter }: Pick<OpenedModel, 'folder' | 'config' | 'adapter'>,
  use: (params: Params<T>) => TE.TaskEither<TrainError, A>,
): TE.TaskEither<TrainError, A> =>
  attempt((take) =>
    memory.bracket(async (held) => {
      const params: Record<string, T> = {}
      const keep = (name: string, tensor: HostTensor): void => {
        params[name] = held.keep(ops.fromHost(tensor))
      }
      const visit = (weight: NamedTensor): void => keep(weight.name, { shape: weight.shape, data: floatsOf(weight) })
      await take(eachWeight(folder, config, { visit }))
      for (const [name, tensor] of Object.entries(adapter)) keep(name, tensor)
      return take(use(params))
    }),
  )

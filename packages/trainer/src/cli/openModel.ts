import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { type Backend, type HostTensor, type Params } from '@durian/core'
import type { Command } from 'commander'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { adapterBase, isAdapterFolder, loadAdapter, readAdapterFacts } from '../policy/adapterFiles.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { loadPolicy } from '../policy/files.ts'
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
  /** Weights, and the adapter's beside them. */
  readonly weights: Readonly<Record<string, HostTensor>>
}

/** Where the base of an adapter is: in a folder, or on the Hub. */
const baseOf = (adapter: string): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const { base_model_name_or_path: base } = await take(readAdapterFacts(adapter))
    const here = base === null || isAbsolute(base) || existsSync(base) || existsSync(resolve(adapter, base))
    return here ? take(adapterBase(adapter)) : take(modelFolder(base, { name: `The base model of ${adapter}` }))
  })

/** Reads the policy that the flags name; a model of the Hub is looked up or downloaded. */
export const openModel = (flags: ModelFlags): TE.TaskEither<TrainError, OpenedModel> =>
  attempt(async (take) => {
    const named = await take(modelFolder(flags.model, { name: '--model' }))
    const isAdapter = flags.adapter === undefined && isAdapterFolder(named)
    const folder = isAdapter ? await take(baseOf(named)) : named
    const adapter = isAdapter ? named : flags.adapter
    const processor = await take(loadProcessor(folder))
    const { config, weights } = await take(loadPolicy(folder))
    const tensors = adapter === undefined ? {} : (await take(loadAdapter(adapter, config))).tensors
    return { folder, config, processor, weights: { ...weights, ...tensors } }
  })

/** Puts the weights on the device for as long as `use` runs. */
export const withWeights = <T, A>(
  { memory, ops }: Backend<T>,
  { weights }: Pick<OpenedModel, 'weights'>,
  use: (params: Params<T>) => TE.TaskEither<TrainError, A>,
): TE.TaskEither<TrainError, A> =>
  attempt((take) =>
    memory.bracket(async (held) => {
      const params: Record<string, T> = {}
      for (const [name, tensor] of Object.entries(weights)) params[name] = held.keep(ops.fromHost(tensor))
      return take(use(params))
    }),
  )

import { appendFile, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Backend, initAdamW, type Params, residentWeights, type WeightSource } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { configText } from '../config/readConfig.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { readSafetensors } from '../io/safetensors.ts'
import { frozenParams } from '../policy/params.ts'
import { streamedWeights } from '../policy/storedWeights.ts'
import { loadCheckpoint, type SavedCheckpoint, writeModel } from './checkpoint.ts'
import { toDevice, toHost } from './hostTensors.ts'
import { coldStart } from './coldStart.ts'
import type { TrainHooks } from './hooks.ts'
import { frozenIn, trainable } from './optimise.ts'
import { coldStartFolder, makesColdStart, type Prepared } from './prepare.ts'
import type { TrainState } from './trainStep.ts'

const COLD_START_FACTS = 'cold_start.json'

export interface StartingPoint<T> {
  readonly state: TrainState<T>
  /** Parameters of the frozen policy of the KL penalty, over the same base: the policy the reinforcement learning started with. */
  readonly reference: Params<T> | null
  /** With an adapter, the model beneath it; undefined where the parameters are all there is. */
  readonly base: WeightSource<T> | undefined
}

/** The state to step from, and what lies beneath and beside it. */
export const startingPoint = <T>(
  backend: Backend<T>,
  prepared: Prepared,
  hooks: TrainHooks,
  saved: SavedCheckpoint | null,
): TE.TaskEither<TrainError, StartingPoint<T>> =>
  attempt(async (take) => {
    const { config, adapter, policy, stored } = prepared
    const model = async (): Promise<Params<T>> =>
      makesColdStart(config) ? take(coldStartParams(backend, prepared, hooks)) : toDevice(backend)(prepared.weights)
    const beneath = async (): Promise<WeightSource<T>> =>
      stored === null ? residentWeights(frozenParams(backend, await model())) : streamedWeights(backend.ops, stored)
    const base = adapter === null ? undefined : await beneath()
    const initial = async (): Promise<Params<T>> => (adapter === null ? model() : toDevice(backend)(adapter.tensors))
    const referenceParams = async (): Promise<Params<T>> =>
      // A fresh adapter adds nothing: the policy without it is the reference.
      adapter !== null && config.lora?.adapter_name_or_path === null ? {} : frozenParams(backend, await initial())
    const reference = config.beta > 0 ? await referenceParams() : null
    if (saved !== null) return { state: await take(loadCheckpoint(backend, policy)(saved)), reference, base }
    const params = await initial()
    const optimizer = backend.memory.scope(() => initAdamW(backend.ops, trainable(params, frozenIn(config))))
    return { state: { step: 0, cursor: 0, tokens: 0, learner: { params, optimizer } }, reference, base }
  })

/** Keeps beside the logs what is known of the cold start of the model folder, as the reference line of the report. */
export const copyColdStartFacts = async ({ config }: Prepared): Promise<void> => {
  const facts = join(config.model_name_or_path, COLD_START_FACTS)
  if (!config.from_scratch && existsSync(facts)) await copyFile(facts, join(config.output_dir, COLD_START_FACTS))
}

/** The cold start's policy: read from the run folder when it was made before, else made there now. */
const coldStartParams = <T>(
  backend: Backend<T>,
  prepared: Prepared,
  hooks: TrainHooks,
): TE.TaskEither<TrainError, Params<T>> =>
  attempt(async (take) => {
    const { config, sft } = prepared
    const directory = coldStartFolder(config)
    if (existsSync(join(directory, COLD_START_FACTS))) {
      hooks.onNote(`Cold start found in ${directory}`)
      return toDevice(backend)(await take(readSafetensors(join(directory, 'model.safetensors'))))
    }
    const temporary = `${directory}.writing`
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary, { recursive: true })
    const lines: Array<Promise<void>> = []
    const made = await take(
      coldStart({
        backend,
        config,
        sft: config.sft!,
        policy: prepared.policy,
        processor: prepared.processor,
        rewarder: prepared.rewarder,
        dataset: sft!,
        test: prepared.test,
        interrupted: hooks.interrupted,
        onStep: (line) => {
          lines.push(appendFile(join(temporary, 'metrics.jsonl'), `${JSON.stringify(line)}\n`))
          hooks.onColdStart(line)
        },
      })(toDevice(backend)(prepared.weights)),
    )
    await Promise.all(lines)
    await take(writeModel(temporary, config.model_name_or_path, await take(toHost(backend)(made.params)), config))
    await writeFile(join(temporary, 'config.yaml'), configText(config))
    const { params, ...facts } = made
    await writeFile(
      join(temporary, COLD_START_FACTS),
      `${JSON.stringify({ seed: config.seed, backend: backend.info.description, ...facts }, null, 2)}\n`,
    )
    await rm(directory, { recursive: true, force: true })
    await rename(temporary, directory)
    await copyFile(join(directory, COLD_START_FACTS), join(config.output_dir, COLD_START_FACTS))
    return params
  })

import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Backend, HostTensor } from '@durian/core'
import { sealed } from '@durian/core/codec'
import { either as E, type taskEither as TE } from 'fp-ts'
import * as t from 'io-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { readSafetensors, writeSafetensors } from '../io/safetensors.ts'
import { type AdapterToWrite, isAdapterFolder, loadAdapter, writeAdapter } from '../policy/adapterFiles.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { readJson } from '../policy/files.ts'
import { isSettingsFile } from '../policy/folderFiles.ts'
import { type PixelLimits, pixelLimited } from '../processor/pixelLimits.ts'
import { toDevice, toHost } from './hostTensors.ts'
import type { StepMemory } from './stepMemory.ts'
import { type TrainState } from './trainStep.ts'

/** What `trainer_state.json` holds beside the tensors. Every draw is a function of seed and step, so no generator needs saving. */
export const CheckpointState = sealed(
  'trainer_state.json',
  {
    format: t.literal(1),
    step: t.Int,
    /** Optimiser steps done. */
    optimizer_step: t.Int,
    cursor: t.Int,
    num_tokens: t.Int,
    /** Bytes of each log when the checkpoint was written: on resume the logs are cut back to these. */
    offsets: t.record(t.string, t.Int),
    /** The resolved configuration of the run. */
    config: t.UnknownRecord,
  },
  {
    /** As `StepMemory`. */
    memory: sealed('memory', {
      kl_coefficient: t.number,
      perceptual: t.array(t.array(t.number)),
      reasoning: t.array(t.array(t.number)),
    }),
  },
)
export type CheckpointState = t.TypeOf<typeof CheckpointState>

export interface SavedCheckpoint {
  readonly directory: string
  readonly state: CheckpointState
}

const FIRST = 'first.'
const SECOND = 'second.'
const WEIGHTS = 'model.safetensors'
const MOMENTS = 'optimizer.safetensors'
/** What makes a folder a checkpoint. */
export const CHECKPOINT_STATE = 'trainer_state.json'

/** A folder in the Hub's layout: the weights, and configuration and tokenizer as they are in `from`, but for the run's own pixel limits. */
export const writeModel = (
  directory: string,
  from: string,
  weights: Readonly<Record<string, HostTensor>>,
  limits: PixelLimits = {},
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    await mkdir(directory, { recursive: true })
    for (const file of await readdir(from))
      if (isSettingsFile(file)) await copyFile(join(from, file), join(directory, file))
    await take(limitPixels(directory, limits))
    await take(writeSafetensors(join(directory, WEIGHTS), weights))
  })

/** Changes the pixel limits where the folder keeps them: transformers 5 has them within processor_config.json. */
export const limitPixels = (directory: string, limits: PixelLimits): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const own = join(directory, 'preprocessor_config.json')
    const file = existsSync(own) ? own : join(directory, 'processor_config.json')
    if (!existsSync(file)) return
    const json = (await take(readJson(file))) as { readonly image_processor?: object }
    const { image_processor: inner } = json
    const changed = pixelLimited(file === own || inner === undefined ? json : inner, limits)
    if (changed === null) return
    const whole = file === own || inner === undefined ? changed : { ...json, image_processor: changed }
    await writeFile(file, `${JSON.stringify(whole, null, 2)}\n`)
  })

const prefixed = (prefix: string, tensors: Readonly<Record<string, HostTensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]))

const unprefixed = (prefix: string, tensors: Readonly<Record<string, HostTensor>>) =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  )

export interface CheckpointContents<T> {
  readonly state: TrainState<T>
  readonly modelFrom: string
  readonly offsets: Readonly<Record<string, number>>
  readonly config: Readonly<Record<string, unknown>>
  /** The run trains an adapter: what it is. */
  readonly adapter?: Omit<AdapterToWrite, 'tensors'> | undefined
}

/**
 * Writes `checkpoint-<step>` beside its temporary name and renames it at the end, so a checkpoint is whole or absent. It is a model folder
 * in the Hub's layout, or an adapter folder in PEFT's, with `optimizer.safetensors` (AdamW's moments) and `trainer_state.json`.
 */
export const writeCheckpoint =
  <T>(backend: Backend<T>, runFolder: string) =>
  ({ state, modelFrom, offsets, config, adapter }: CheckpointContents<T>): TE.TaskEither<TrainError, string> =>
    attempt(async (take) => {
      const directory = join(runFolder, `checkpoint-${state.step}`)
      const temporary = `${directory}.writing`
      const { params, optimizer } = state.learner
      const weights = await take(toHost(backend)(params))
      const first = await take(toHost(backend)(optimizer.first))
      const second = await take(toHost(backend)(optimizer.second))
      const saved: CheckpointState = {
        format: 1,
        step: state.step as t.Int,
        optimizer_step: optimizer.step as t.Int,
        cursor: state.cursor as t.Int,
        num_tokens: state.tokens as t.Int,
        offsets: offsets as Record<string, t.Int>,
        config,
        ...(state.memory === undefined ? {} : { memory: savedMemory(state.memory) }),
      }
      try {
        await rm(temporary, { recursive: true, force: true })
        await take(
          adapter === undefined
            ? writeModel(temporary, modelFrom, weights, config as PixelLimits)
            : writeAdapter(temporary, { ...adapter, tensors: weights }),
        )
        await take(
          writeSafetensors(join(temporary, MOMENTS), { ...prefixed(FIRST, first), ...prefixed(SECOND, second) }),
        )
        await writeFile(join(temporary, CHECKPOINT_STATE), `${JSON.stringify(saved, null, 2)}\n`)
        await rm(directory, { recursive: true, force: true })
        await rename(temporary, directory)
      } catch (thrown) {
        if (!(thrown instanceof Error && 'code' in thrown)) throw thrown
        await take(
          E.left(
            runFailed(
              `Checkpoint ${directory} could not be written: ${thrown.message}; free some space or choose another output_dir.`,
            ),
          ),
        )
      }
      return directory
    })

const stepOf = (name: string): number | null => {
  const match = /^checkpoint-(\d+)$/.exec(name)
  return match === null ? null : Number(match[1])
}

/** Whole checkpoints of a run folder, oldest first. */
export const listCheckpoints = async (runFolder: string): Promise<ReadonlyArray<string>> => {
  const names = await readdir(runFolder).catch(() => [] as Array<string>)
  return names
    .filter((name) => stepOf(name) !== null)
    .sort((a, b) => stepOf(a)! - stepOf(b)!)
    .map((name) => join(runFolder, name))
}

/** Deletes all but the newest `keep` checkpoints. */
export const pruneCheckpoints = async (runFolder: string, keep: number | null): Promise<void> => {
  if (keep === null) return
  const all = await listCheckpoints(runFolder)
  for (const old of all.slice(0, Math.max(0, all.length - keep))) await rm(old, { recursive: true, force: true })
}

/** Reads and checks `trainer_state.json`. */
export const readCheckpointState = (directory: string): TE.TaskEither<TrainError, SavedCheckpoint> =>
  attempt(async (take) => {
    const file = join(directory, CHECKPOINT_STATE)
    if (!(await stat(file).catch(() => null)))
      await take(
        E.left(
          badInput(
            `${directory} is no checkpoint (it has no ${CHECKPOINT_STATE}); name a checkpoint-N folder of a run, or use resume=false.`,
          ),
        ),
      )
    let json: unknown
    try {
      json = JSON.parse(await readFile(file, 'utf8'))
    } catch {
      return take(
        E.left(
          badInput(`${file} is not valid JSON; delete ${basename(directory)} to resume from the checkpoint before it.`),
        ),
      )
    }
    const state = CheckpointState.decode(json)
    if (E.isLeft(state))
      return take(
        E.left(
          badInput(
            `${file} does not hold a checkpoint state of this version; delete ${basename(directory)} to resume from the one before it.`,
          ),
        ),
      )
    return { directory, state: state.right }
  })

const savedMemory = ({ klCoefficient, perceptual, reasoning }: StepMemory): NonNullable<CheckpointState['memory']> => ({
  kl_coefficient: klCoefficient,
  perceptual: perceptual.map((scores) => [...scores]),
  reasoning: reasoning.map((scores) => [...scores]),
})

const loadedMemory = ({ memory }: CheckpointState): { readonly memory?: StepMemory } =>
  memory === undefined
    ? {}
    : {
        memory: {
          klCoefficient: memory.kl_coefficient,
          perceptual: memory.perceptual,
          reasoning: memory.reasoning,
        },
      }

/** Loads weights, or the adapter, and moments of a checkpoint onto the device. */
export const loadCheckpoint =
  <T>(backend: Backend<T>, policy: PolicyConfig) =>
  ({ directory, state }: SavedCheckpoint): TE.TaskEither<TrainError, TrainState<T>> =>
    attempt(async (take) => {
      const weights = isAdapterFolder(directory)
        ? (await take(loadAdapter(directory, policy))).tensors
        : await take(readSafetensors(join(directory, WEIGHTS)))
      const moments = await take(readSafetensors(join(directory, MOMENTS)))
      return {
        step: state.step,
        cursor: state.cursor,
        tokens: state.num_tokens,
        learner: {
          params: toDevice(backend)(weights),
          optimizer: {
            step: state.optimizer_step,
            first: toDevice(backend)(unprefixed(FIRST, moments)),
            second: toDevice(backend)(unprefixed(SECOND, moments)),
          },
        },
        ...loadedMemory(state),
      }
    })

import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { readResolvedConfig } from '../config/readConfig.ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { writeTensors } from '../io/safetensors.ts'
import {
  ADAPTER_CONFIG,
  ADAPTER_MODEL,
  adapterBase,
  adapterConfig,
  isAdapterFolder,
  type LoadedAdapter,
  loadAdapter,
  peftTensors,
} from '../policy/adapterFiles.ts'
import { loadPolicyConfig } from '../policy/files.ts'
import { isSettingsFile } from '../policy/folderFiles.ts'
import type { PixelLimits } from '../processor/pixelLimits.ts'
import { limitPixels, listCheckpoints, readCheckpointState } from '../train/checkpoint.ts'
import { type DtypeName, dtypes, encodedFloats, writeModelFolder } from './writeModelFolder.ts'

export interface ExportOptions {
  /** Run folder, or one of its checkpoints. */
  readonly run: string
  /** Step of the checkpoint; null = the newest. */
  readonly checkpoint: number | null
  /** null = `adapter` or `model` in the run folder. */
  readonly out: string | null
  /** Put an adapter into the weights of its base. */
  readonly merge: boolean
  readonly dtype: DtypeName
  /** Bytes of a safetensors file at most. */
  readonly maxShardSize: number
  readonly onTensor?: (done: number, total: number) => void
}

export interface Exported {
  readonly kind: 'adapter' | 'model'
  readonly directory: string
  readonly checkpoint: string
  /** The model an adapter belongs to, or the one whose configuration and tokenizer were copied. */
  readonly base: string
  readonly weights: ReadonlyArray<string>
}

const isCheckpoint = (folder: string): boolean => existsSync(join(folder, 'trainer_state.json'))

const chosenCheckpoint = ({ run, checkpoint }: ExportOptions): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    if (checkpoint === null && isCheckpoint(run)) return run
    const all = await listCheckpoints(run)
    const found = checkpoint === null ? all.at(-1) : all.find((folder) => folder.endsWith(`checkpoint-${checkpoint}`))
    if (found !== undefined) return found
    return take<never>(
      E.left(
        badInput(
          all.length === 0
            ? `${run} holds no checkpoint; --run takes the output_dir of a run, or one of its checkpoint folders.`
            : `${run} has no checkpoint-${checkpoint}; there are ${all.map((folder) => basename(folder)).join(', ')}.`,
        ),
      ),
    )
  })

/** Tokenizer, templates and processor settings; the model's own config only where a model is written. */
const copyModelFiles = async (from: string, to: string): Promise<void> => {
  for (const file of await readdir(from))
    if (isSettingsFile(file) && file !== 'config.json') await copyFile(join(from, file), join(to, file))
}

/** The run's own pixel limits: an adapter was trained on pictures of these sizes. */
const limitsOf = async (checkpoint: string): Promise<PixelLimits> => {
  const saved = await readCheckpointState(checkpoint)()
  return E.isRight(saved) ? saved.right.state.config : {}
}

const writeAdapterFolder = (
  directory: string,
  { facts, tensors }: LoadedAdapter,
  { base, dtype }: { readonly base: string; readonly dtype: DtypeName },
): TE.TaskEither<TrainError, ReadonlyArray<string>> =>
  attempt(async (take) => {
    const policy = await take(loadPolicyConfig(base))
    const config = adapterConfig({ policy, facts: { ...facts, base_model_name_or_path: base }, tensors })
    await writeFile(join(directory, ADAPTER_CONFIG), `${JSON.stringify(config, null, 2)}\n`)
    const stored = dtypes[dtype]
    const entries = Object.entries(peftTensors(tensors)).toSorted(([a], [b]) => (a < b ? -1 : 1))
    await take(
      writeTensors(
        join(directory, ADAPTER_MODEL),
        entries.map(([name, { shape, data }]) => ({
          name,
          shape,
          dtype: stored,
          bytes: () => encodedFloats(Float32Array.from(data), stored),
        })),
      ),
    )
    return [ADAPTER_MODEL]
  })

/** The base an adapter of a run was trained on: as its config names it, else the run's own model. */
const baseOf =
  (checkpoint: string, run: string): TE.TaskEither<TrainError, string> =>
  async () => {
    const named = await adapterBase(checkpoint)()
    if (E.isRight(named)) return named
    const config = await readResolvedConfig(join(run, 'config.yaml'))()
    return E.isRight(config) && existsSync(config.right.model_name_or_path)
      ? E.right(config.right.model_name_or_path)
      : named
  }

/**
 * A checkpoint as others load it: PEFT's adapter folder, or a model in the Hub's layout with weights, configuration, tokenizer and processor
 * files. The folder appears whole or not at all.
 */
export const exportRun = (options: ExportOptions): TE.TaskEither<TrainError, Exported> =>
  attempt(async (take) => {
    const { run, merge, dtype, maxShardSize, onTensor } = options
    const checkpoint = await take(chosenCheckpoint(options))
    const isAdapter = isAdapterFolder(checkpoint)
    const kind = isAdapter && !merge ? 'adapter' : 'model'
    const directory = options.out ?? join(run, kind)
    if (existsSync(directory) && (await readdir(directory)).length > 0)
      await take(E.left(badInput(`${directory} exists and is not empty; name another folder with --out.`)))
    const base = isAdapter ? await take(baseOf(checkpoint, run)) : checkpoint
    const policy = await take(loadPolicyConfig(base))
    const adapter = isAdapter ? await take(loadAdapter(checkpoint, policy)) : null
    const temporary = `${directory}.writing`
    try {
      await rm(temporary, { recursive: true, force: true })
      await mkdir(temporary, { recursive: true })
      const weights = await take(
        kind === 'adapter'
          ? writeAdapterFolder(temporary, adapter!, { base: resolve(base), dtype })
          : writeModelFolder(temporary, {
              from: base,
              policy,
              adapter: adapter?.tensors ?? {},
              dtype,
              maxShardSize,
              ...(onTensor && { onTensor }),
            }),
      )
      await copyModelFiles(base, temporary)
      if (isAdapter) await take(limitPixels(temporary, await limitsOf(checkpoint)))
      await rm(directory, { recursive: true, force: true })
      await rename(temporary, directory)
      return { kind, directory, checkpoint, base, weights }
    } catch (thrown) {
      await rm(temporary, { recursive: true, force: true })
      if (!(thrown instanceof Error && 'code' in thrown)) throw thrown
      return take<never>(E.left(runFailed(`${directory} could not be written: ${thrown.message}.`)))
    }
  })

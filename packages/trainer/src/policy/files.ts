import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Shape } from '@durian/core'
import { either, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { decodePolicyConfig, type PolicyConfig } from './config.ts'
import { weightShapes } from './weights.ts'
import { eachTensor, floatsOf, type NamedTensor, readTensorEntries, type Tensors } from '../io/safetensors.ts'
import type { TensorEntry } from '../io/safetensorsHeader.ts'

/** Read and parse a JSON file; Left names the file. */
export const readJson = (path: string): TE.TaskEither<TrainError, unknown> =>
  attempt(async (take) => {
    const text = await readFile(path, 'utf8').catch((thrown: { readonly code?: unknown; readonly message?: string }) =>
      take<never>(
        either.left(badInput(`${path}: ${thrown.code === 'ENOENT' ? 'there is no such file' : thrown.message}.`)),
      ),
    )
    return take(
      either.tryCatch(
        () => JSON.parse(text) as unknown,
        (thrown) => badInput(`${path}: it is not valid JSON (${(thrown as Error).message}).`),
      ),
    )
  })

/** The `config.json` of a model folder. */
export const loadPolicyConfig = (dir: string): TE.TaskEither<TrainError, PolicyConfig> =>
  attempt(async (take) => {
    const path = join(dir, 'config.json')
    const json = await take(readJson(path))
    return take(either.mapLeft((reason: string) => badInput(`${path}: ${reason}.`))(decodePolicyConfig(json)))
  })

const SINGLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'
/** A shard is a plain file of the same folder. */
const SHARD = /^[\w.-]+\.safetensors$/

/** Shards in name order, and which tensors each is to supply (by the file's names); undefined: all it has. */
type Shards = ReadonlyMap<string, ReadonlySet<string> | undefined>

const shardsOf = (dir: string): TE.TaskEither<TrainError, Shards> =>
  attempt(async (take) => {
    const index = join(dir, INDEX)
    if (!existsSync(index)) {
      if (existsSync(join(dir, SINGLE))) return new Map([[SINGLE, undefined]])
      return take(
        either.left(
          badInput(
            `${dir}: it holds neither ${SINGLE} nor ${INDEX}; weights in other formats (.bin, .gguf) are not read.`,
          ),
        ),
      )
    }
    const json = await take(readJson(index))
    const map = (json as { readonly weight_map?: unknown } | null)?.weight_map
    if (typeof map !== 'object' || map === null || Array.isArray(map))
      return take(either.left(badInput(`${index}: it has no weight_map.`)))
    const shards = new Map<string, Set<string>>()
    for (const [name, shard] of Object.entries(map as Record<string, unknown>)) {
      if (typeof shard !== 'string' || !SHARD.test(shard))
        return take(
          either.left(
            badInput(
              `${index}: ${JSON.stringify(shard)} is no shard name; shards lie in the same folder and end in .safetensors.`,
            ),
          ),
        )
      shards.set(shard, (shards.get(shard) ?? new Set()).add(name))
    }
    return new Map([...shards].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })

/** Names as transformers 5 keeps them in memory -> names of the Hub's files. */
const hubName = (name: string): string =>
  name.replace(/^model\.visual\./, 'visual.').replace(/^model\.language_model\./, 'model.')

export interface EachWeightOptions {
  /** A part of the weights, by their Hub names; default all that the config asks for. */
  readonly wanted?: (name: string) => boolean
  /** Gets one weight after the other under its Hub name, in the bits of the file (`floatsOf` widens them). */
  readonly visit: (weight: NamedTensor) => void | Promise<void>
}

/** Shards, and which of their tensors are weights of the policy. */
interface WeightPlan {
  readonly shards: ReadonlyArray<string>
  readonly supplies: (shard: string) => (name: string) => boolean
}

/** Headers alone: every wanted weight is there, with the shape that the config asks for and a dtype that can be read. */
const weightPlan = (
  dir: string,
  config: PolicyConfig,
  wanted: (name: string) => boolean,
): TE.TaskEither<TrainError, WeightPlan> =>
  attempt(async (take) => {
    const shapes = new Map(Object.entries(weightShapes(config)).filter(([name]) => wanted(name)))
    const shards = await take(shardsOf(dir))
    const supplies = (shard: string) => (name: string) =>
      shapes.has(hubName(name)) && (shards.get(shard)?.has(name) ?? true)
    const found = new Map<string, { readonly shard: string; readonly entry: TensorEntry }>()
    for (const shard of shards.keys()) {
      const supplied = supplies(shard)
      for (const [name, entry] of await take(readTensorEntries(join(dir, shard))))
        if (supplied(name)) found.set(hubName(name), { shard, entry })
    }
    for (const [name, shape] of shapes) {
      const weight = found.get(name)
      const fault = weight === undefined ? 'is missing from its safetensors files' : faultOf(weight.entry, shape)
      if (fault === undefined) continue
      const place = weight === undefined ? dir : join(dir, weight.shard)
      return take(either.left(badInput(`${place}: weight '${name}' ${fault}.`)))
    }
    return { shards: [...shards.keys()], supplies }
  })

/** Whether `eachWeight` would find every weight, by the headers of the files: a moment, whatever their size. Left: what it would say. */
export const checkWeights = (dir: string, config: PolicyConfig): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => void (await take(weightPlan(dir, config, () => true))))

/**
 * Every weight the policy needs, one at a time, from one safetensors file or from shards. Names, dtypes and shapes of all are checked against
 * the config before the first byte of data is read; weights that the policy does not need are not read.
 *
 * @returns Left: a sentence that names the file, and the missing or misshapen weight
 */
export const eachWeight = (
  dir: string,
  config: PolicyConfig,
  { wanted = () => true, visit }: EachWeightOptions,
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const { shards, supplies } = await take(weightPlan(dir, config, wanted))
    for (const shard of shards)
      await take(
        eachTensor(join(dir, shard), {
          wanted: supplies(shard),
          visit: (tensor) => visit({ ...tensor, name: hubName(tensor.name) }),
        }),
      )
  })

const faultOf = ({ dtype, shape }: TensorEntry, wanted: Shape): string | undefined => {
  if (shape.join() !== wanted.join())
    return `has shape [${shape.join(', ')}], config.json asks for [${wanted.join(', ')}]`
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    return `has dtype ${dtype}; F32, F16 and BF16 can be read, quantised checkpoints cannot`
  return undefined
}

/**
 * `eachWeight` as float32, all of them in memory.
 *
 * @param wanted - a part of the weights, by their Hub names; default all
 */
export const loadWeights = (
  dir: string,
  config: PolicyConfig,
  { wanted = () => true }: { readonly wanted?: (name: string) => boolean } = {},
): TE.TaskEither<TrainError, Tensors> =>
  attempt(async (take) => {
    const weights: Record<string, Tensors[string]> = {}
    const keep = (tensor: NamedTensor): void => {
      weights[tensor.name] = { shape: tensor.shape, data: floatsOf(tensor) }
    }
    await take(eachWeight(dir, config, { wanted, visit: keep }))
    return weights
  })

export interface PolicyFiles {
  readonly config: PolicyConfig
  readonly weights: Tensors
}

/** Config and weights of a model folder in the Hub's layout. */
export const loadPolicy = (dir: string): TE.TaskEither<TrainError, PolicyFiles> =>
  attempt(async (take) => {
    const config = await take(loadPolicyConfig(dir))
    return { config, weights: await take(loadWeights(dir, config)) }
  })

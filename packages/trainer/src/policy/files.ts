import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { either, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { decodePolicyConfig, type PolicyConfig } from './config.ts'
import { weightShapes } from './weights.ts'
import { readSafetensors, type Tensors } from '../io/safetensors.ts'

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

const shardsOf = (dir: string): TE.TaskEither<TrainError, ReadonlyArray<string>> =>
  attempt(async (take) => {
    const index = join(dir, INDEX)
    if (!existsSync(index)) {
      if (existsSync(join(dir, SINGLE))) return [SINGLE]
      return take(either.left(badInput(`${dir}: it holds neither ${SINGLE} nor ${INDEX}.`)))
    }
    const json = await take(readJson(index))
    const map = (json as { readonly weight_map?: unknown } | null)?.weight_map
    if (typeof map !== 'object' || map === null) return take(either.left(badInput(`${index}: it has no weight_map.`)))
    const shards = [...new Set(Object.values(map as Record<string, unknown>))]
    const bad = shards.find((shard) => typeof shard !== 'string' || !SHARD.test(shard))
    if (bad !== undefined)
      return take(
        either.left(
          badInput(
            `${index}: ${JSON.stringify(bad)} is no shard name; shards lie in the same folder and end in .safetensors.`,
          ),
        ),
      )
    return (shards as ReadonlyArray<string>).toSorted()
  })

/** Names as transformers 5 keeps them in memory -> names of the Hub's files. */
const hubName = (name: string): string =>
  name.replace(/^model\.visual\./, 'visual.').replace(/^model\.language_model\./, 'model.')

/**
 * Every weight the policy needs, from one safetensors file or from shards, as float32, under the Hub's names.
 * Weights it does not need are not read.
 *
 * @param wanted - a part of the weights, by their Hub names; default all
 * @returns Left: a sentence that names the missing or misshapen weight
 */
export const loadWeights = (
  dir: string,
  config: PolicyConfig,
  { wanted = () => true }: { readonly wanted?: (name: string) => boolean } = {},
): TE.TaskEither<TrainError, Tensors> =>
  attempt(async (take) => {
    const shapes = Object.fromEntries(Object.entries(weightShapes(config)).filter(([name]) => wanted(name)))
    const found: Record<string, Tensors[string]> = {}
    for (const shard of await take(shardsOf(dir))) {
      const tensors = await take(readSafetensors(join(dir, shard), (name) => hubName(name) in shapes))
      for (const [name, tensor] of Object.entries(tensors)) found[hubName(name)] = tensor
    }
    for (const [name, shape] of Object.entries(shapes)) {
      const tensor = found[name]
      if (tensor === undefined)
        return take(either.left(badInput(`${dir}: weight '${name}' is missing from its safetensors files.`)))
      if (tensor.shape.join() !== shape.join())
        return take(
          either.left(
            badInput(
              `${dir}: weight '${name}' has shape [${tensor.shape.join(', ')}], config.json asks for [${shape.join(', ')}].`,
            ),
          ),
        )
    }
    return found
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

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const SETTINGS =
  /^(config|generation_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|chat_template|vocab|added_tokens|special_tokens_map)\.(json|jinja)$|^merges\.txt$/
const WEIGHTS = /^model(-\d{5}-of-\d{5})?\.safetensors$/
const INDEX = 'model.safetensors.index.json'

/** Configuration, tokenizer and templates of a model folder: what lies beside its weights. */
export const isSettingsFile = (path: string): boolean => SETTINGS.test(path)

/** Files of a model folder that are read here or copied into checkpoints; other formats of the weights, and what lies in subfolders, are not. */
export const isModelFile = (path: string): boolean => isSettingsFile(path) || path === INDEX || WEIGHTS.test(path)

/** A file of weights, large. */
export const isWeights = (path: string): boolean => WEIGHTS.test(path)

/** Each line: one of these must be there. */
const NEEDED: ReadonlyArray<ReadonlyArray<string>> = [
  ['config.json'],
  ['tokenizer.json'],
  ['tokenizer_config.json'],
  ['preprocessor_config.json', 'processor_config.json'],
  ['model.safetensors', INDEX],
]

/** The first file that a model folder with these files lacks. */
export const missingFile = (files: ReadonlySet<string>): string | undefined =>
  NEEDED.find((names) => !names.some((name) => files.has(name)))?.join(' or ')

const shardsNamedBy = async (index: string): Promise<ReadonlyArray<string>> => {
  try {
    const json = JSON.parse(await readFile(index, 'utf8')) as {
      readonly weight_map?: Readonly<Record<string, unknown>>
    }
    return [...new Set(Object.values(json.weight_map ?? {}))].filter((shard) => typeof shard === 'string')
  } catch {
    return [] // whoever loads the weights says what is wrong with the index
  }
}

/** The first file that a model folder on this disk lacks, shards of its index included. */
export const missingFileIn = async (directory: string): Promise<string | undefined> => {
  const here = new Set(NEEDED.flat().filter((name) => existsSync(join(directory, name))))
  const missing = missingFile(here)
  if (missing !== undefined || !here.has(INDEX)) return missing
  return (await shardsNamedBy(join(directory, INDEX))).find((shard) => !existsSync(join(directory, shard)))
}

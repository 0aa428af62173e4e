import { either as E } from 'fp-ts'
import type { Errors } from 'io-ts'
import { badInput, type TrainError } from '../errors.ts'
import { configProblems } from './checks.ts'
import { didYouMean } from './didYouMean.ts'
import { easyR1Names, isEasyR1 } from './easyr1.ts'
import { trainFields } from './fields.ts'
import { givenInTree, type Given } from './layers.ts'
import { missingPresets, presetNames, presets, type PresetName } from './presets.ts'
import { leaves, REQUIRED } from './table.ts'
import { TrainConfig } from './trainConfig.ts'

/** Other names for keys of ours. */
export const aliases: Readonly<Record<string, string>> = {
  dataset_name: 'dataset',
  lora_r: 'lora.r',
  lora_alpha: 'lora.lora_alpha',
  lora_dropout: 'lora.lora_dropout',
  lora_target_modules: 'lora.target_modules',
  use_rslora: 'lora.use_rslora',
}

/** TRL's `scale_rewards` and the estimator each of its values is. */
export const scaleRewards: Readonly<Record<string, string>> = { group: 'grpo', batch: 'batch', none: 'dr_grpo' }

const leafTable = new Map(leaves(trainFields).map(({ key, field }) => [key, field]))
const sections = new Set(Object.entries(trainFields).flatMap(([key, entry]) => (entry._tag === 'section' ? [key] : [])))
const knownNames = [
  ...leafTable.keys(),
  ...sections,
  ...Object.keys(aliases),
  ...Object.keys(easyR1Names),
  'scale_rewards',
  'preset',
]

const show = (value: unknown): string => JSON.stringify(value) ?? String(value)

const unknownKey = ({ key, where }: Given): TrainError => {
  const nested = [...leafTable.keys()].find((known) => known.endsWith(`.${key}`))
  const hint = nested === undefined ? didYouMean(key, knownNames) : ` (did you mean '${nested}'?)`
  const tail = isEasyR1(key) && hint === '' ? "; it is EasyR1's and has no counterpart here, take it out" : ''
  return badInput(`${where}: unknown key '${key}'${hint}${tail}.`)
}

const isKnown = ({ key }: Given): boolean =>
  leafTable.has(key) ||
  key in aliases ||
  key in easyR1Names ||
  key === 'scale_rewards' ||
  key === 'preset' ||
  sections.has(key)

/** A group without keys, as `sft: {}` gives it. */
const isEmptyGroup = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0

const presetLayer = (given: ReadonlyArray<Given>): E.Either<TrainError, ReadonlyArray<Given>> => {
  const chosen = given.findLast(({ key }) => key === 'preset')
  if (chosen === undefined || chosen.value === null) return E.right([])
  const name = String(chosen.value)
  if (!Object.hasOwn(presets, name)) {
    const why = missingPresets[name]
    return E.left(
      badInput(
        why === undefined
          ? `${chosen.where}: unknown preset '${name}'${didYouMean(name, presetNames)}; there are ${presetNames.join(', ')}.`
          : `${chosen.where}: preset '${name}' ${why}.`,
      ),
    )
  }
  return E.right(givenInTree(presets[name as PresetName].values, `preset ${name}`))
}

/** `scale_rewards` turned into `estimator`; a disagreement between the two is an error. */
const withScaleRewards = (given: ReadonlyArray<Given>): E.Either<TrainError, ReadonlyArray<Given>> => {
  const scale = given.findLast(({ key }) => key === 'scale_rewards')
  if (scale === undefined) return E.right(given)
  // TRL also takes true and false for group and none.
  const word = scale.value === true ? 'group' : scale.value === false ? 'none' : String(scale.value)
  const meant = scaleRewards[word]
  if (meant === undefined) {
    return E.left(
      badInput(`${scale.where}: scale_rewards is ${show(scale.value)}, expected one of group, batch, none.`),
    )
  }
  const estimator = given.findLast(({ key }) => key === 'estimator')
  if (estimator !== undefined && estimator.value !== meant) {
    return E.left(
      badInput(
        `${scale.where}: scale_rewards ${word} means estimator ${meant}, but ${estimator.where} says estimator ` +
          `${show(estimator.value)}; leave one of the two out.`,
      ),
    )
  }
  return E.right([...given, { key: 'estimator', value: meant, where: scale.where }])
}

/** An argument that reads as a number or a word of YAML, where the key takes a text. */
const asText = (one: Given): Given => {
  const codec = leafTable.get(one.key)?.codec
  const better =
    one.raw !== undefined &&
    codec !== undefined &&
    E.isLeft(codec.decode(one.value)) &&
    E.isRight(codec.decode(one.raw))
  return better ? { ...one, value: one.raw } : one
}

/** Last one wins; a section set to null forgets its keys, and a key of it brings the section back. */
const merge = (given: ReadonlyArray<Given>): ReadonlyMap<string, Given> => {
  const merged = new Map<string, Given>()
  for (const one of given) {
    if (isEmptyGroup(one.value) && [...merged.keys()].some((key) => key.startsWith(`${one.key}.`))) continue
    const parent = one.key.includes('.') ? one.key.slice(0, one.key.indexOf('.')) : undefined
    if (sections.has(one.key))
      for (const key of [...merged.keys()]) if (key.startsWith(`${one.key}.`)) merged.delete(key)
    if (parent !== undefined) merged.delete(parent)
    merged.set(one.key, asText(one))
  }
  return merged
}

const EASYR1_LORA = 'worker.actor.model.lora.'
const EASYR1_RANK = `${EASYR1_LORA}rank`

/** Aliases and EasyR1's names replaced by ours. EasyR1's batches are counted in prompts, so they wait for the group size. */
const renamed = (given: ReadonlyArray<Given>): ReadonlyArray<Given> => {
  const named = given.map((one) => ({ ...one, key: aliases[one.key] ?? one.key }))
  const get = (key: string): unknown => {
    const last = named.findLast((one) => one.key === key || easyR1Names[one.key]?.to === key)
    const preset = leafTable.get(key)?.default
    return last?.value ?? (preset === REQUIRED ? undefined : preset)
  }
  // EasyR1 writes its lora section out with rank 0 where there is none.
  const rank = named.findLast(({ key }) => key === EASYR1_RANK)
  const kept = rank?.value === 0 ? named.filter(({ key }) => !key.startsWith(EASYR1_LORA)) : named
  return kept.map((one) => {
    const mapping = easyR1Names[one.key]
    if (mapping === undefined) return one
    return { ...one, key: mapping.to, value: mapping.convert?.(one.value, get) ?? one.value }
  })
}

const nested = (merged: ReadonlyMap<string, Given>): Record<string, unknown> => {
  const tree: Record<string, unknown> = {}
  for (const { key, value } of merged.values()) {
    const [first, second] = key.split('.') as [string, string | undefined]
    if (second === undefined) tree[first] = value
    else tree[first] = { ...(tree[first] as object | undefined), [second]: value }
  }
  return tree
}

const decodeMessage = (errors: Errors, merged: ReadonlyMap<string, Given>): string => {
  const error = errors[0]!
  const key = error.context
    .map((entry) => entry.key)
    .filter((part) => part !== '')
    .join('.')
  if (error.message === 'required')
    return `${key} is missing: write "${key}: …" in the config file or ${key}=… on the command line.`
  const where = merged.get(key)?.where ?? 'configuration'
  return `${where}: ${key} is ${show(error.value)}, expected ${error.message ?? 'something else'}.`
}

/**
 * One configuration out of what file and command line say: defaults < preset < `given`, later entries over earlier ones.
 * Left: the first problem as one sentence, with the place it was written at and the mend.
 */
export const resolveConfig = (given: ReadonlyArray<Given>): E.Either<TrainError, TrainConfig> => {
  const stranger = given.find((one) => !isKnown(one))
  if (stranger !== undefined) return E.left(unknownKey(stranger))
  const preset = presetLayer(given)
  if (E.isLeft(preset)) return preset
  const explicit = withScaleRewards(renamed([...preset.right, ...given]).slice(preset.right.length))
  if (E.isLeft(explicit)) return explicit
  const merged = merge(
    [...preset.right, ...explicit.right].filter(({ key }) => key !== 'preset' && key !== 'scale_rewards'),
  )
  const decoded = TrainConfig.decode(nested(merged))
  if (E.isLeft(decoded)) return E.left(badInput(decodeMessage(decoded.left, merged)))
  const problem = configProblems(decoded.right)[0]
  return problem === undefined ? decoded : E.left(badInput(problem))
}

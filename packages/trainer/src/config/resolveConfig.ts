import { either as E } from 'fp-ts'
import type { Errors } from 'io-ts'
import { badInput, type TrainError } from '../errors.ts'
import { configProblems } from './checks.ts'
import { didYouMean } from './didYouMean.ts'
import { easyR1Names, isEasyR1 } from './easyr1.ts'
import { trainFields } from './fields.ts'
import { idleKeys } from './idle.ts'
import { givenInTree, type Given } from './layers.ts'
import { presetNames, presets, type PresetName } from './presets.ts'
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

/** TRL's `multi_objective_aggregation`: null is what every estimator but gdpo does with several rewards. */
export const multiObjective: Readonly<Record<string, string | null>> = {
  sum_then_normalize: null,
  normalize_then_sum: 'gdpo',
}

/** Keys that become others and are no keys of a resolved configuration. */
const words = ['scale_rewards', 'multi_objective_aggregation', 'preset']

const leafTable = new Map(leaves(trainFields).map(({ key, field }) => [key, field]))
const sections = new Set(Object.entries(trainFields).flatMap(([key, entry]) => (entry._tag === 'section' ? [key] : [])))
const knownNames = [...leafTable.keys(), ...sections, ...Object.keys(aliases), ...Object.keys(easyR1Names), ...words]

const show = (value: unknown): string => JSON.stringify(value) ?? String(value)

const unknownKey = ({ key, where }: Given): TrainError => {
  const nested = [...leafTable.keys()].find((known) => known.endsWith(`.${key}`))
  const hint = nested === undefined ? didYouMean(key, knownNames) : ` (did you mean '${nested}'?)`
  const tail = isEasyR1(key) && hint === '' ? "; it is EasyR1's and has no counterpart here, take it out" : ''
  return badInput(`${where}: unknown key '${key}'${hint}${tail}.`)
}

const isKnown = ({ key }: Given): boolean =>
  leafTable.has(key) || key in aliases || key in easyR1Names || words.includes(key) || sections.has(key)

/** A group without keys, as `sft: {}` gives it. */
const isEmptyGroup = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0

const presetLayer = (given: ReadonlyArray<Given>): E.Either<TrainError, ReadonlyArray<Given>> => {
  const chosen = given.findLast(({ key }) => key === 'preset')
  if (chosen === undefined || chosen.value === null) return E.right([])
  const name = String(chosen.value)
  if (!Object.hasOwn(presets, name)) {
    return E.left(
      badInput(
        `${chosen.where}: unknown preset '${name}'${didYouMean(name, presetNames)}; there are ${presetNames.join(', ')}.`,
      ),
    )
  }
  return E.right(givenInTree(presets[name as PresetName].values, `preset ${name}`))
}

/** What a key of TRL says about the estimator; undefined for a value it does not take, null where it says nothing. */
const trlEstimators: Readonly<Record<string, (value: unknown) => string | null | undefined>> = {
  // TRL also takes true and false for group and none.
  scale_rewards: (value) => scaleRewards[value === true ? 'group' : value === false ? 'none' : String(value)],
  multi_objective_aggregation: (value) => multiObjective[String(value)],
}

/** TRL's keys for it turned into `estimator`; a disagreement is an error. */
const withTrlEstimator = (given: ReadonlyArray<Given>): E.Either<TrainError, ReadonlyArray<Given>> => {
  const made: Array<Given> = []
  for (const [key, estimatorOf] of Object.entries(trlEstimators)) {
    const one = given.findLast((other) => other.key === key)
    if (one === undefined) continue
    const meant = estimatorOf(one.value)
    if (meant === null) continue
    if (meant === undefined) {
      const words = Object.keys(key === 'scale_rewards' ? scaleRewards : multiObjective)
      return E.left(badInput(`${one.where}: ${key} is ${show(one.value)}, expected one of ${words.join(', ')}.`))
    }
    const other = [...given, ...made].findLast(({ key: name }) => name === 'estimator')
    if (other !== undefined && other.value !== meant)
      return E.left(
        badInput(
          `${one.where}: ${key} ${String(one.value)} means estimator ${meant}, but ${other.where} says estimator ` +
            `${show(other.value)}; leave one of the two out.`,
        ),
      )
    made.push({ key: 'estimator', value: meant, where: one.where })
  }
  return E.right([...given, ...made])
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
  return kept.flatMap((one) => {
    const mapping = easyR1Names[one.key]
    if (mapping === undefined) return [one]
    const { to, convert, idle, also } = mapping
    const besides = Object.entries(also?.(one.value, get) ?? {}).map(([key, value]): Given => ({
      key,
      value,
      where: one.where,
    }))
    if (idle?.(one.value, get) === true) return besides
    return [{ ...one, key: to, value: convert?.(one.value, get) ?? one.value }, ...besides]
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
  const explicit = withTrlEstimator(renamed([...preset.right, ...given]).slice(preset.right.length))
  if (E.isLeft(explicit)) return explicit
  const merged = merge([...preset.right, ...explicit.right].filter(({ key }) => !words.includes(key)))
  const decoded = decodedWithoutIdle(merged)
  if (E.isLeft(decoded)) return decoded
  const problem = configProblems(decoded.right)[0]
  return problem === undefined ? decoded : E.left(badInput(problem))
}

/** What a preset brought and nothing reads beside the rest falls back to its default; what somebody wrote so is an error. */
const decodedWithoutIdle = (merged: ReadonlyMap<string, Given>): E.Either<TrainError, TrainConfig> => {
  const decoded = TrainConfig.decode(nested(merged))
  if (E.isLeft(decoded)) return E.left(badInput(decodeMessage(decoded.left, merged)))
  const idle = idleKeys(decoded.right)
  if (idle.length === 0) return decoded
  const written = idle.find(({ key }) => !merged.get(key)?.where.startsWith('preset '))
  if (written !== undefined) {
    const { where, value } = merged.get(written.key)!
    return E.left(
      badInput(
        `${where}: ${written.key} is ${show(value)} and does nothing, for ${written.because}; leave one of the two out.`,
      ),
    )
  }
  const dropped = new Set(idle.map(({ key }) => key))
  return decodedWithoutIdle(new Map([...merged].filter(([key]) => !dropped.has(key))))
}

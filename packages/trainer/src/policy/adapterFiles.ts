import { mkdir, stat, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { type HostTensor } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readSafetensors, writeSafetensors } from '../io/safetensors.ts'
import type { PolicyConfig } from './config.ts'
import { readJson } from './files.ts'
import { adapterNames } from './linear.ts'
import {
  type AdapterOptions,
  type AdapterTensors,
  linearModules,
  portableTargets,
  scalingOf,
  scalingTensor,
} from './lora.ts'

/** Files of an adapter in PEFT's layout. */
export const ADAPTER_CONFIG = 'adapter_config.json'
export const ADAPTER_MODEL = 'adapter_model.safetensors'

/** PEFT's name for what it wraps: peft@v0.14 utils/save_and_load.py, get_peft_model_state_dict. */
const WRAPPER = 'base_model.model.'

/** What an adapter's config says of its making. */
export interface AdapterFacts extends AdapterOptions {
  readonly base_model_name_or_path: string | null
  readonly lora_dropout: number
}

export interface LoadedAdapter {
  readonly facts: AdapterFacts
  /** Names of the linears it adapts, by which `tensors` are named. */
  readonly modules: ReadonlyArray<string>
  readonly tensors: AdapterTensors
}

/** Whether a folder holds an adapter instead of a model. */
export const isAdapterFolder = (dir: string): boolean => existsSync(join(dir, ADAPTER_CONFIG))

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)
const isTexts = (u: unknown): u is ReadonlyArray<string> => Array.isArray(u) && u.every((x) => typeof x === 'string')

interface DecodedConfig {
  readonly facts: AdapterFacts
  /** r and alpha of one module. */
  readonly of: (module: string) => { readonly r: number; readonly lora_alpha: number }
}

/** Settings of PEFT that change what an adapter computes and that are not computed here, with the values that are. */
const UNSUPPORTED: ReadonlyArray<readonly [key: string, off: ReadonlyArray<unknown>]> = [
  ['use_dora', [false]],
  ['bias', ['none']],
  ['lora_bias', [false]],
  ['fan_in_fan_out', [false]],
  ['modules_to_save', [null]],
  ['layer_replication', [null]],
  ['trainable_token_indices', [null]],
  ['target_parameters', [null]],
  ['alora_invocation_tokens', [null]],
]

const patternValue = (patterns: unknown, module: string): number | undefined => {
  if (!isRecord(patterns)) return undefined
  for (const [pattern, value] of Object.entries(patterns)) {
    if (typeof value !== 'number') continue
    try {
      // peft@v0.14 utils/other.py, get_pattern_key: the pattern matches the end of the name, from a dot on.
      if (new RegExp(`^(?:.*\\.)?(?:${pattern})$`).test(module)) return value
    } catch {
      if (module.endsWith(pattern)) return value
    }
  }
  return undefined
}

const decodeConfig = (json: unknown): E.Either<string, DecodedConfig> => {
  if (!isRecord(json)) return E.left('it is not a JSON object')
  if (json['peft_type'] !== 'LORA')
    return E.left(`peft_type is ${JSON.stringify(json['peft_type'])}; adapters of type "LORA" can be read`)
  for (const [key, off] of UNSUPPORTED) {
    const value = json[key]
    if (value !== undefined && !off.includes(value))
      return E.left(`${key} is ${JSON.stringify(value)}, which is not supported; merge that adapter with PEFT first`)
  }
  const { r, lora_alpha: alpha, target_modules: targets, exclude_modules: exclude } = json
  if (typeof r !== 'number' || !Number.isInteger(r) || r < 1) return E.left('r is no whole number of at least 1')
  if (typeof alpha !== 'number' || !(alpha > 0)) return E.left('lora_alpha is no number above 0')
  const base = json['base_model_name_or_path']
  const dropout = json['lora_dropout']
  return E.right({
    facts: {
      r,
      lora_alpha: alpha,
      use_rslora: json['use_rslora'] === true,
      lora_dropout: typeof dropout === 'number' ? dropout : 0,
      target_modules: typeof targets === 'string' || isTexts(targets) ? targets : [],
      exclude_modules: typeof exclude === 'string' || isTexts(exclude) ? exclude : null,
      base_model_name_or_path: typeof base === 'string' && base !== '' ? base : null,
    },
    of: (module) => ({
      r: patternValue(json['rank_pattern'], module) ?? r,
      lora_alpha: patternValue(json['alpha_pattern'], module) ?? alpha,
    }),
  })
}

const readConfig = (dir: string): TE.TaskEither<TrainError, DecodedConfig> =>
  attempt(async (take) => {
    const path = join(dir, ADAPTER_CONFIG)
    const json = await take(readJson(path))
    return take(E.mapLeft((reason: string) => badInput(`${path}: ${reason}.`))(decodeConfig(json)))
  })

/** What an adapter folder says of itself, without its tensors. */
export const readAdapterFacts = (dir: string): TE.TaskEither<TrainError, AdapterFacts> =>
  attempt(async (take) => (await take(readConfig(dir))).facts)

/** The folder of the model an adapter was made for: as its config has it, from here or from the adapter's own folder. */
export const adapterBase = (dir: string): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const { base_model_name_or_path: base } = await take(readAdapterFacts(dir))
    const candidates = base === null ? [] : isAbsolute(base) ? [base] : [base, resolve(dir, base)]
    for (const candidate of candidates) if ((await stat(candidate).catch(() => null))?.isDirectory()) return candidate
    return take<never>(
      E.left(
        badInput(
          `${join(dir, ADAPTER_CONFIG)}: its base model ${base === null ? 'is not named' : `${base} is no folder here`}; ` +
            `name the base with --model and this folder with --adapter.`,
        ),
      ),
    )
  })

/** A module's name in memory, of transformers up to 4.51 (the Hub's names) or later, without PEFT's wrapper. */
const moduleOf = (name: string): string =>
  name.replace(/^model\.visual\./, 'visual.').replace(/^model\.language_model\./, 'model.')

/**
 * Reads an adapter in PEFT's layout and checks it against the policy it is for.
 *
 * @returns Left: a sentence that names the file and what in it does not fit
 */
export const loadAdapter = (dir: string, policy: PolicyConfig): TE.TaskEither<TrainError, LoadedAdapter> =>
  attempt(async (take) => {
    const { facts, of } = await take(readConfig(dir))
    const path = join(dir, ADAPTER_MODEL)
    const fail = (reason: string) => take<never>(E.left(badInput(`${path}: ${reason}.`)))
    const stored = await take(readSafetensors(path))
    const shapes = linearModules(policy)
    const tensors: Record<string, AdapterTensors[string]> = {}
    for (const [name, tensor] of Object.entries(stored)) {
      const match = /^(?:base_model\.model\.)?(.+)\.(lora_A|lora_B)\.weight$/.exec(name)
      if (match === null) return fail(`tensor '${name}' is no lora_A.weight or lora_B.weight of a linear`)
      const module = moduleOf(match[1]!)
      const shape = shapes.get(module)
      if (shape === undefined)
        return fail(`tensor '${name}' belongs to no linear of this policy; is this its base model?`)
      const { r, lora_alpha } = of(module)
      const wanted = match[2] === 'lora_A' ? [r, shape[1]!] : [shape[0]!, r]
      if (tensor.shape.join() !== wanted.join())
        return fail(
          `tensor '${name}' has shape [${tensor.shape.join(', ')}], the policy asks for [${wanted.join(', ')}]`,
        )
      const { a, b, scaling } = adapterNames(module)
      tensors[match[2] === 'lora_A' ? a : b] = tensor
      tensors[scaling] = scalingTensor(scalingOf({ r, lora_alpha, use_rslora: facts.use_rslora }))
    }
    // In the policy's own order, so that nothing depends on the order in the file.
    const modules = [...shapes.keys()].filter((module) => adapterNames(module).scaling in tensors)
    if (modules.length === 0) return fail('it holds no adapter')
    const ordered: Record<string, AdapterTensors[string]> = {}
    for (const module of modules)
      for (const name of Object.values(adapterNames(module))) {
        const tensor = tensors[name]
        if (tensor === undefined) return fail(`'${name}' is missing beside its partner`)
        ordered[name] = tensor
      }
    return { facts, modules, tensors: ordered }
  })

export interface AdapterToWrite {
  readonly policy: PolicyConfig
  readonly facts: AdapterFacts
  /** Adapter parameters by our names; others are left out. */
  readonly tensors: Readonly<Record<string, HostTensor>>
}

/** The config PEFT reads; `rank_pattern` and `alpha_pattern` say where a module differs from the rest. */
export const adapterConfig = ({ policy, facts, tensors }: AdapterToWrite) => {
  const modules = [...linearModules(policy).keys()].filter((module) => adapterNames(module).a in tensors)
  const exclude = facts.exclude_modules
  const { r, lora_alpha, use_rslora } = facts
  const ranks: Record<string, number> = {}
  const alphas: Record<string, number> = {}
  for (const module of modules) {
    const own = tensors[adapterNames(module).a]!.shape[0]!
    const scaling = tensors[adapterNames(module).scaling]!.data[0]!
    const alpha = scaling * (use_rslora ? Math.sqrt(own) : own)
    if (own !== r) ranks[module] = own
    // The scaling is a float32, so alpha comes back rounded.
    if (Math.abs(alpha - lora_alpha) > 1e-4 * lora_alpha) alphas[module] = Math.round(alpha * 1e4) / 1e4
  }
  return {
    alpha_pattern: alphas,
    auto_mapping: null,
    base_model_name_or_path: facts.base_model_name_or_path,
    bias: 'none',
    exclude_modules: exclude,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha,
    lora_dropout: facts.lora_dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    r,
    rank_pattern: ranks,
    revision: null,
    target_modules: portableTargets(policy, modules, exclude),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora,
  }
}

/** Names of an adapter's tensors in PEFT's file; the scaling is no tensor there. */
export const peftTensors = (tensors: Readonly<Record<string, HostTensor>>): Readonly<Record<string, HostTensor>> =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      /\.lora_[AB]\.weight$/.test(name) ? [[WRAPPER + name, tensor]] : [],
    ),
  )

/** Writes `adapter_config.json` and `adapter_model.safetensors`, which PEFT, vLLM and SGLang load. */
export const writeAdapter = (dir: string, adapter: AdapterToWrite): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, ADAPTER_CONFIG), `${JSON.stringify(adapterConfig(adapter), null, 2)}\n`)
    await take(writeSafetensors(join(dir, ADAPTER_MODEL), peftTensors(adapter.tensors)))
  })

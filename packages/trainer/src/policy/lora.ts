import { type HostTensor, nameIndex, type Shape, streams, uniforms } from '@durian/core'
import { either as E } from 'fp-ts'
import { didYouMean } from '../config/didYouMean.ts'
import type { PolicyConfig } from './config.ts'
import { adapterNames } from './linear.ts'
import { weightShapes } from './weights.ts'

/** A list of last parts of module names, or one regular expression of whole names; `all-linear` is every linear. */
export type ModulePattern = string | ReadonlyArray<string>

export interface AdapterTargets {
  readonly target_modules: ModulePattern
  /** null = nothing is taken out. */
  readonly exclude_modules: ModulePattern | null
}

/** The shape of an adapter: peft@v0.14 tuners/lora/config.py, LoraConfig. */
export interface AdapterOptions extends AdapterTargets {
  readonly r: number
  readonly lora_alpha: number
  readonly use_rslora: boolean
}

/** The number an adapter's product is scaled by: alpha / r, or alpha / sqrt(r) where it is rank-stabilised (Kalajdzievski 2023). */
export const scalingOf = ({ r, lora_alpha, use_rslora }: Omit<AdapterOptions, keyof AdapterTargets>): number =>
  lora_alpha / (use_rslora ? Math.sqrt(r) : r)

export const ALL_LINEAR = 'all-linear'
/** Tables of the vocabulary: the first is no linear, the second is the output layer, which all-linear leaves out. */
const TABLES = new Set(['model.embed_tokens', 'lm_head'])

/** Modules with a weight that PEFT may match by name, those that are no linears included. */
const namedModules = (config: PolicyConfig): ReadonlyArray<string> =>
  Object.entries(weightShapes(config)).flatMap(([name, shape]) =>
    name.endsWith('.weight') && shape.length > 1 ? [name.slice(0, -'.weight'.length)] : [],
  )

/** The linears of a policy that can take an adapter, by name, as [out, in]. */
export const linearModules = (config: PolicyConfig): ReadonlyMap<string, Shape> => {
  const shapes = weightShapes(config)
  return new Map(
    namedModules(config).flatMap((name) => {
      const shape = shapes[`${name}.weight`]!
      return shape.length === 2 && !TABLES.has(name) ? [[name, shape] as const] : []
    }),
  )
}

/** Last part of a name, or the last two where the last is no word by itself, as in `mlp.0` and `attn.proj`. */
const shortName = (name: string): string => {
  const parts = name.split('.')
  return parts.slice(/^\d+$|^proj$/.test(parts.at(-1)!) ? -2 : -1).join('.')
}

type Matcher = (module: string) => boolean

const endsWith = (module: string, part: string): boolean => module === part || module.endsWith(`.${part}`)

/** Left: the expression and why it is none. peft@v0.14 tuners/tuners_utils.py, check_target_module_exists: the whole name must match. */
const matcherOf = (pattern: ModulePattern): E.Either<string, Matcher> => {
  if (typeof pattern !== 'string') return E.right((module) => pattern.some((part) => endsWith(module, part)))
  if (pattern.toLowerCase() === ALL_LINEAR) return E.right(() => true)
  return E.tryCatch(
    () => {
      const whole = new RegExp(`^(?:${pattern})$`)
      return (module: string) => whole.test(module)
    },
    (thrown) => `'${pattern}' is no regular expression (${(thrown as Error).message})`,
  )
}

/**
 * Names of the linears that get an adapter.
 *
 * @returns Left: a sentence without its full stop that names the key, the part of it that matches nothing and the nearest name
 */
export const adaptedModules = (
  config: PolicyConfig,
  { target_modules: targets, exclude_modules: exclude }: AdapterTargets,
): E.Either<string, ReadonlyArray<string>> => {
  const modules = [...linearModules(config).keys()]
  const words = [...new Set(modules.map(shortName))]
  const target = matcherOf(targets)
  if (E.isLeft(target)) return E.left(`lora.target_modules ${target.left}`)
  const excluded = exclude === null ? E.right<string, Matcher>(() => false) : matcherOf(exclude)
  if (E.isLeft(excluded)) return E.left(`lora.exclude_modules ${excluded.left}`)
  const chosen = modules.filter((module) => target.right(module) && !excluded.right(module))
  for (const part of typeof targets === 'string' ? [targets] : targets) {
    const matches = typeof targets === 'string' ? target.right : (module: string) => endsWith(module, part)
    if (chosen.some(matches)) continue
    if (modules.some(matches))
      return E.left(
        `lora.target_modules '${part}' names only linears that lora.exclude_modules (${JSON.stringify(exclude)}) takes out; ` +
          `set exclude_modules to null or to less`,
      )
    return E.left(
      `lora.target_modules '${part}' names no linear of the policy${didYouMean(part, words)}; there are ${words.join(', ')}`,
    )
  }
  return E.right(chosen)
}

/**
 * The modules as a list of last parts that PEFT understands in every version: each is as short as it can be without naming a module
 * that was not chosen and is not taken out by `exclude`.
 */
export const portableTargets = (
  config: PolicyConfig,
  chosen: ReadonlyArray<string>,
  exclude: ModulePattern | null,
): ReadonlyArray<string> => {
  const matcher = exclude === null ? E.right<string, Matcher>(() => false) : matcherOf(exclude)
  const excluded = E.isRight(matcher) ? matcher.right : () => false
  const taken = new Set(chosen)
  const others = namedModules(config).filter((module) => !taken.has(module) && !excluded(module))
  const shortest = (module: string): string => {
    const parts = module.split('.')
    for (let n = 1; n < parts.length; n++) {
      const part = parts.slice(-n).join('.')
      if (!/^\d+(\.|$)/.test(part) && !others.some((other) => endsWith(other, part))) return part
    }
    return module
  }
  return [...new Set(chosen.map(shortest))].toSorted()
}

export type AdapterTensors = Readonly<Record<string, HostTensor & { readonly data: Float32Array }>>

/** A number as a parameter of the policy, []. */
export const scalingTensor = (scaling: number): AdapterTensors[string] => ({
  shape: [],
  data: Float32Array.of(scaling),
})

/**
 * Fresh adapters, which change nothing yet: A uniform within 1 / sqrt(in) (torch's kaiming_uniform with a = sqrt 5, as PEFT), B zero.
 * Each A depends on the seed and its own name alone.
 */
export const initialAdapters = (
  config: PolicyConfig,
  modules: ReadonlyArray<string>,
  { seed, ...options }: Omit<AdapterOptions, keyof AdapterTargets> & { readonly seed: number },
): AdapterTensors => {
  const shapes = linearModules(config)
  const tensors: Record<string, AdapterTensors[string]> = {}
  for (const name of modules) {
    const [out = 0, input = 0] = shapes.get(name)!
    const { a, b, scaling } = adapterNames(name)
    const bound = 1 / Math.sqrt(input)
    const draws = uniforms({ seed, stream: streams.initialisation, index: nameIndex(a) }, options.r * input)
    tensors[a] = { shape: [options.r, input], data: Float32Array.from(draws, (u) => (2 * u - 1) * bound) }
    tensors[b] = { shape: [out, options.r], data: new Float32Array(out * options.r) }
    tensors[scaling] = scalingTensor(scalingOf(options))
  }
  return tensors
}

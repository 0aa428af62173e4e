import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Shape, sizeOf } from '@durian/core'
import { writeTensors, type TensorToWrite } from '../io/safetensors.ts'
import type { FloatDtype } from '../io/safetensorsHeader.ts'
import { decodePolicyConfig } from './config.ts'
import { fixtureDir, right } from './testing.ts'
import { weightShapes } from './weights.ts'

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures')
const pictures = join(fixtures, '../goldens/pictures')

/** For tests: what transformers makes of a row of a variant (fixtures/make_variants.py). */
export interface VariantRow {
  readonly id: string
  readonly images: ReadonlyArray<string>
  readonly problem: string
  readonly response: string
}
export interface VariantExpected {
  readonly id: string
  readonly prompt_text: string
  readonly prompt_ids: ReadonlyArray<number>
  readonly response_ids: ReadonlyArray<number>
  readonly grids?: ReadonlyArray<ReadonlyArray<number>>
  readonly pixels_sha256?: string
  readonly visual_entropy?: number
  readonly position_ids: ReadonlyArray<ReadonlyArray<number>>
  readonly logprobs: ReadonlyArray<number>
  readonly token_entropies: ReadonlyArray<number>
  readonly greedy_ids: ReadonlyArray<number>
}
export interface VariantReference {
  readonly source: string
  readonly limits: { readonly min_pixels: number; readonly max_pixels: number }
  readonly rows: ReadonlyArray<VariantRow>
  readonly expected: ReadonlyArray<VariantExpected>
}

/** How a variant's weights and settings are written down. */
export interface VariantStyle {
  readonly name: string
  readonly dtypes: ReadonlyArray<FloatDtype>
  readonly shards: number
  /** Names of the tensors as the Hub's files have them, or as transformers 5 keeps them in memory. */
  readonly names: 'hub' | 'transformers 5'
  readonly template: 'inline' | 'json' | 'own'
}

export const variantReference = (name: string): VariantReference =>
  JSON.parse(readFileSync(join(fixtures, 'variants', name, 'expected.json'), 'utf8')) as VariantReference

export const variantPicture = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(path.includes('/') ? join(fixtureDir, path) : join(pictures, path)))

/** The rule of make_variants.py: element i of a weight as k 2^-e, with k from a hash of name and i. */
const variantWeight = (name: string, shape: Shape): Float32Array => {
  let seed = 2166136261
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619)
  const fan = sizeOf(shape) / (shape[0] ?? 1)
  const exponent = name.includes('embed_tokens') ? 9 : 6 + Math.trunc(Math.log2(fan) / 2)
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    let x = (i + seed) | 0
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
    const k = (((x ^ (x >>> 16)) >>> 0) % 255) - 127
    if (shape.length > 1) return k / 2 ** exponent
    return name.endsWith('bias') ? k / 512 : 1 + Math.floor(k / 8) / 64
  })
}

/** Bytes in a 16- or 32-bit type that holds the values exactly: halves by bit surgery, since nothing needs rounding. */
const stored = (values: Float32Array, dtype: FloatDtype): Uint8Array => {
  if (dtype === 'F32') return new Uint8Array(values.buffer)
  const bits = new Uint32Array(values.buffer)
  const half = (word: number): number => {
    if ((word & 0x7fffffff) === 0) return 0
    return ((word >>> 16) & 0x8000) | ((((word >>> 23) & 255) - 112) << 10) | ((word >>> 13) & 1023)
  }
  return new Uint8Array(Uint16Array.from(bits, (word) => (dtype === 'BF16' ? word >>> 16 : half(word))).buffer)
}

const nameIn = (style: VariantStyle['names'], name: string): string =>
  style === 'hub'
    ? name
    : name.replace(/^visual\./, 'model.visual.').replace(/^model\.(?!visual)/, 'model.language_model.')

/** A model folder of a variant, in a new temporary folder. */
export const variantFolder = async (style: VariantStyle): Promise<string> => {
  const { name, dtypes, shards, names, template } = style
  const source = join(fixtures, 'variants', name)
  const folder = join(await mkdtemp(join(tmpdir(), 'durian-variant-')), name)
  await mkdir(folder)
  await cp(join(fixtureDir, 'tokenizer.json'), join(folder, 'tokenizer.json'))
  await cp(source, folder, { recursive: true })
  const write = (file: string, json: object) => writeFile(join(folder, file), JSON.stringify(json))
  if (template !== 'own') {
    const { limits } = variantReference(name)
    await write('preprocessor_config.json', { image_processor_type: 'Qwen2_5_VLImageProcessor', ...limits })
    const inline = JSON.parse(await readFile(join(fixtureDir, 'tokenizer_config.json'), 'utf8')) as Record<
      string,
      unknown
    >
    const { chat_template, ...rest } = inline
    await write('tokenizer_config.json', template === 'inline' ? inline : rest)
    if (template === 'json') await write('chat_template.json', { chat_template })
  }
  if (!existsSync(join(folder, 'tokenizer_config.json'))) throw new Error(`${name} has no tokenizer_config.json`)
  const config = right(decodePolicyConfig(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))))
  const all = Object.entries(weightShapes(config)).map(([weight, shape], i): TensorToWrite => {
    const dtype = dtypes[i % dtypes.length]!
    return { name: nameIn(names, weight), dtype, shape, bytes: () => stored(variantWeight(weight, shape), dtype) }
  })
  const fileOf = (i: number): string =>
    shards === 1 ? 'model.safetensors' : `model-0000${i + 1}-of-0000${shards}.safetensors`
  const map: Record<string, string> = {}
  for (let i = 0; i < shards; i++) {
    const part = all.filter((_, k) => k % shards === i)
    for (const tensor of part) map[tensor.name] = fileOf(i)
    right(await writeTensors(join(folder, fileOf(i)), part)())
  }
  if (shards > 1) await write('model.safetensors.index.json', { metadata: {}, weight_map: map })
  return folder
}

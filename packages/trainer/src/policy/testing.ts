import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, type HostTensor, type Params, residentWeights, type TensorOps } from '@durian/core'
import { either as E } from 'fp-ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import type { PolicyConfig } from './config.ts'
import { loadPolicy } from './files.ts'
import type { EncodedPrompt, SamplingOptions } from './types.ts'
import { initialWeights } from './weights.ts'

/** For tests: the tiny random Qwen2.5-VL with reference values from Hugging Face transformers. */
export const fixtureDir = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/qwen2_5_vl_tiny')

export interface Expected {
  readonly id: string
  readonly prompt_text: string
  readonly prompt_ids: ReadonlyArray<number>
  readonly response_ids: ReadonlyArray<number>
  readonly image_grid_thw?: ReadonlyArray<ReadonlyArray<number>>
  readonly pixel_values_sha256?: string
  readonly vision_tokens?: ReadonlyArray<ReadonlyArray<number>>
  readonly visual_entropy?: number
  readonly position_ids: ReadonlyArray<ReadonlyArray<number>>
  readonly logprobs: ReadonlyArray<number>
  readonly token_entropies: ReadonlyArray<number>
  readonly last_logits: ReadonlyArray<number>
  readonly greedy_ids: ReadonlyArray<number>
}
export interface FixtureRow {
  readonly id: string
  readonly images: ReadonlyArray<string>
  readonly problem: string
  readonly response: string
}

export const expected = (
  JSON.parse(readFileSync(join(fixtureDir, 'expected.json'), 'utf8')) as { readonly expected: ReadonlyArray<Expected> }
).expected
export const rows: ReadonlyArray<FixtureRow> = readFileSync(join(fixtureDir, 'rows.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as FixtureRow)

/** The value of a Right; a Left fails the test with its content. */
export const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}

export const pictures = (row: FixtureRow): ReadonlyArray<Uint8Array> =>
  row.images.map((path) => new Uint8Array(readFileSync(join(fixtureDir, path))))

export const encodedRows = async (processor: Processor): Promise<ReadonlyArray<EncodedPrompt>> =>
  Promise.all(
    rows.map(async (row) =>
      right(await encodePrompt(processor)({ id: row.id, problem: row.problem, images: pictures(row) })()),
    ),
  )

export const onDevice = <T>(ops: TensorOps<T>, weights: Readonly<Record<string, HostTensor>>): Params<T> =>
  Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [name, ops.fromHost(tensor)]))

/** The fixture with its weights on a backend. */
export const openFixture = async <T>(backend: Backend<T>) => {
  const { config, weights } = right(await loadPolicy(fixtureDir)())
  const processor = right(await loadProcessor(fixtureDir)())
  const prompts = await encodedRows(processor)
  return { config, backend, processor, prompts, weights: residentWeights(onDevice(backend.ops, weights)) }
}

/** Run a program, read its tensors, free them. */
export const values = async <T, K extends string>(
  backend: Backend<T>,
  program: () => Readonly<Record<K, T>>,
): Promise<Readonly<Record<K, Float32Array>>> => {
  const tensors = backend.memory.scope(program)
  const out = {} as Record<K, Float32Array>
  for (const name of Object.keys(tensors) as unknown as ReadonlyArray<K>)
    out[name] = right(await backend.transfer.read(tensors[name])())
  for (const tensor of Object.values<T>(tensors)) backend.memory.free(tensor)
  return out
}

export const maxDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Infinity
  let max = 0
  for (let i = 0; i < a.length; i++) max = Math.max(max, Math.abs(a[i]! - b[i]!))
  return Number.isNaN(a[0]) ? NaN : max
}

/** A policy of 2 layers and a few thousand weights, with pictures of 2 x 2 to 6 x 4 patches. */
export const miniConfig: PolicyConfig = {
  text: {
    vocabSize: 24,
    hiddenSize: 16,
    intermediateSize: 12,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 4,
    ropeTheta: 100,
    mropeSection: [1, 1, 0],
    rmsNormEps: 1e-6,
    tied: true,
  },
  vision: {
    depth: 2,
    hiddenSize: 8,
    intermediateSize: 12,
    heads: 2,
    headDim: 4,
    channels: 3,
    patchSize: 2,
    temporalPatchSize: 1,
    mergeSize: 2,
    windowSize: 8,
    fullAttentionBlocks: [1],
    outHiddenSize: 16,
  },
  tokens: { image: 20, video: 21, visionStart: 22, visionEnd: 23, end: [1], pad: 0 },
}

/** Weights of it, bigger than the initial ones, so that distributions are far from uniform. */
export const miniWeights = Object.fromEntries(
  Object.entries(initialWeights(miniConfig, 4)).map(([name, { shape, data }]) => [
    name,
    { shape, data: shape.length > 1 ? Float32Array.from(data, (x) => x * 3) : data },
  ]),
)

/** Everything may be drawn, and nothing ends a completion. */
export const freeSampling: Omit<SamplingOptions, 'numGenerations' | 'maxCompletionLength'> = {
  temperature: 1,
  topP: 1,
  topK: 0,
  banned: [],
  endTokens: [],
  seed: 1,
  step: 0,
}

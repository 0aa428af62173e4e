import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import type { OpenedWebGpu, Precision } from '@durian/backend-webgpu'
import { type Backend, residentWeights, sizeOf } from '@durian/core'
import {
  attempt,
  completionBatch,
  encodePrompt,
  encodeRows,
  type EncodedPrompt,
  frozenParams,
  generate,
  loadPolicy,
  loadProcessor,
  scoreCompletions,
  toDevice,
  type TrainError,
} from '@durian/trainer'
import type { taskEither as TE } from 'fp-ts'
import type { Case, Subject } from '../harness.ts'
import { demoFolder, demoRows, policyWork, type PolicySizes, type PolicyWork } from './policy.ts'

/** What one precision costs on a device, counted before anything is timed. */
export interface PrecisionFacts {
  readonly by: Precision
  readonly dispatches: { readonly trainingStep: number; readonly token: number }
  readonly bytes: {
    /** The demo's weights where they do not move. */
    readonly frozenWeights: number
    /** Keys and values of 64 rollouts of up to 32 tokens in one layer with 2 key heads of 32. */
    readonly cache: number
    /** The most in use during a training step, weights and moments of AdamW included. */
    readonly trainingStep: number
    readonly sampling: number
  }
  /** |ln p while sampling - ln p of the training pass|, nats, with the same weights. */
  readonly samplingDifference: Readonly<Record<string, { readonly mean: number; readonly max: number }>>
}

const PRECISIONS = ['mixed', 'float32'] as const satisfies ReadonlyArray<Precision>
const [SHORT, LONG] = [2, 10]

/** The tiny Qwen2.5-VL with random weights that parity with transformers is tested on. */
const tinyFolder = join(import.meta.dirname, '..', '..', '..', 'trainer', 'fixtures', 'qwen2_5_vl_tiny')

type Prompts = TE.TaskEither<TrainError, ReadonlyArray<EncodedPrompt>>

const tinyPrompts: Prompts = attempt(async (take) => {
  const processor = await take(loadProcessor(tinyFolder))
  const rows = readFileSync(join(tinyFolder, 'rows.jsonl'), 'utf8').trim().split('\n')
  const prompts: EncodedPrompt[] = []
  for (const line of rows) {
    const { images, ...row } = JSON.parse(line) as { id: string; problem: string; images: ReadonlyArray<string> }
    const pictures = images.map((path) => new Uint8Array(readFileSync(join(tinyFolder, path))))
    prompts.push(await take(encodePrompt(processor)({ ...row, images: pictures })))
  }
  return prompts
})

const demoPrompts = (count: number): Prompts =>
  attempt(async (take) => {
    const processor = await take(loadProcessor(demoFolder))
    return (await take(encodeRows(processor, (await take(demoRows(count))).rows))).map(({ prompt }) => prompt)
  })

/** 8 rollouts of at most 24 tokens a prompt: what sampling said of each token, and what a training pass says. */
const samplingDifference = <T>(
  backend: Backend<T>,
  folder: string,
  source: Prompts,
): TE.TaskEither<TrainError, { readonly mean: number; readonly max: number }> =>
  attempt(async (take) => {
    const { ops, memory, transfer } = backend
    const { config, weights } = await take(loadPolicy(folder))
    const prompts = await take(source)
    const params = toDevice(backend)(weights)
    const policy = residentWeights(params)
    const groups = await take(
      generate(backend, config)(policy, prompts, {
        numGenerations: 8,
        maxCompletionLength: 24,
        temperature: 1,
        topP: 1,
        topK: 0,
        banned: [],
        endTokens: config.tokens.end,
        seed: 5,
        step: 0,
      }),
    )
    const batch = completionBatch(config)(
      prompts,
      groups.map((group) => group.map(({ ids }) => ids)),
    )
    const logprob = memory.scope(() => scoreCompletions(ops, config)(policy, batch, { temperature: 1 }).logprob)
    const scored = await take(transfer.read(logprob))
    memory.free([logprob, params])
    const differences = groups
      .flat()
      .flatMap(({ logprobs }, row) => Array.from(logprobs, (p, i) => Math.abs(p - scored[row * batch.length + i]!)))
    return {
      mean: differences.reduce((sum, x) => sum + x, 0) / differences.length,
      max: Math.max(...differences),
    }
  })

const cacheOf = <T>({ ops, memory }: Backend<T>): T => {
  const [rollouts, keyHeads, headDim] = [64, 2, 32]
  const zeros = (...shape: ReadonlyArray<number>): T => ops.fromHost({ shape, data: new Float32Array(sizeOf(shape)) })
  return memory.scope(
    () =>
      ops.fused!.decodingAttention!(
        {
          qkv: zeros(rollouts, 3 * keyHeads * headDim),
          cos: zeros(rollouts, 1, headDim),
          sin: zeros(rollouts, 1, headDim),
        },
        { keys: zeros(keyHeads, 1, headDim), values: zeros(keyHeads, 1, headDim), lengths: [1] },
        { cache: null, length: 0 },
      ).own.cache!,
  )
}

export interface PrecisionCases {
  readonly cases: ReadonlyArray<Case>
  readonly facts: ReadonlyArray<PrecisionFacts>
}

/** Mixed precision beside float32 on one device, in turns: a training step and sampling of the demo's model. */
export const precisionCases = (
  { kernels, facts: device }: OpenedWebGpu,
  sizes: PolicySizes,
): TE.TaskEither<TrainError, PrecisionCases> =>
  attempt(async (take) => {
    const use = (precision: Precision) => kernels.use(device.software ? 'barrier-free' : 'shared-memory', precision)
    const works: Array<{ readonly by: Precision; readonly work: PolicyWork }> = []
    const facts: PrecisionFacts[] = []
    const demo = await take(loadPolicy(demoFolder))
    for (const by of PRECISIONS) {
      const backend = use(by)
      const settled = async (): Promise<number> => {
        // a read submits what waits, and gives back what was freed
        const one = backend.ops.neg(backend.ops.fromHost({ shape: [1], data: [1] }))
        await take(backend.transfer.read(one))
        backend.memory.free(one)
        return kernels.bytes()
      }
      const before = await settled()
      const cache = cacheOf(backend)
      const ofCache = (await settled()) - before
      backend.memory.free(cache)
      await settled()
      const frozen = frozenParams(backend, toDevice(backend)(demo.weights))
      // tensors come to the device when they are first read
      for (const x of Object.values(frozen)) backend.memory.free(backend.ops.neg(x))
      const frozenWeights = (await settled()) - before
      backend.memory.free(frozen)
      const samplingDifferences = {
        demo: await take(samplingDifference(backend, demoFolder, demoPrompts(8))),
        'tiny Qwen2.5-VL': await take(samplingDifference(backend, tinyFolder, tinyPrompts)),
      }
      const rest = await settled()
      const work = await take(policyWork(backend, sizes))
      const dispatchesOf = async (run: () => Promise<unknown>): Promise<number> => {
        const start = kernels.dispatches()
        await run()
        return kernels.dispatches() - start
      }
      const trainingStep = await dispatchesOf(work.update)
      const few = await dispatchesOf(() => work.sample(SHORT))
      const many = await dispatchesOf(() => work.sample(LONG))
      const [peakMany, peakStep] = [
        await kernels.peakBytes(() => work.sample(LONG)),
        await kernels.peakBytes(work.update),
      ]
      facts.push({
        by,
        dispatches: { trainingStep, token: (many - few) / (LONG - SHORT) },
        bytes: {
          frozenWeights,
          cache: ofCache,
          trainingStep: peakStep - rest,
          sampling: peakMany - rest,
        },
        samplingDifference: samplingDifferences,
      })
      works.push({ by, work })
    }

    const timed = (run: (work: PolicyWork) => Promise<unknown>): readonly [Subject, ...Subject[]] => {
      const [first, ...others] = works.map(({ by, work }): Subject => ({
        by,
        once: async () => {
          use(by)
          const began = performance.now()
          await run(work)
          return performance.now() - began
        },
      }))
      return [first!, ...others]
    }
    const suite = 'precision on webgpu'
    return {
      facts,
      cases: [
        {
          suite,
          name: 'training step (gradient, clipping, AdamW)',
          size: `${sizes.prompts} x ${sizes.rollouts} x <= ${sizes.length} tokens`,
          subjects: timed((work) => work.update()),
        },
        {
          suite,
          name: 'sampling',
          size: `${sizes.prompts} x ${sizes.rollouts} x ${LONG} tokens`,
          subjects: timed((work) => work.sample(LONG)),
        },
      ],
    }
  })

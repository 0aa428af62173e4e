import { type Backend, type Params, residentWeights, type Shape, sizeOf } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { batchArithmetic, type TrainConfig } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import type { LoadedAdapter } from '../policy/adapterFiles.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { prefill, promptBatch } from '../policy/prompts.ts'
import { stagedScores } from '../policy/stages.ts'
import { storedBytes } from '../policy/storedWeights.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { visionFeatures } from '../policy/vision.ts'
import { weightShapes } from '../policy/weights.ts'
import { frozenIn } from './optimise.ts'
import type { Prepared } from './prepare.ts'
import { encodeRows } from './rollout.ts'
import { type FusedName, type ShapeTrace, shapeTrace, type Sketch } from './shapeOps.ts'

/** Bytes on the device. */
export interface MemoryEstimate {
  /** What stays on the device: all weights, or with base_weights streamed the adapter alone. */
  readonly weights: number
  /** Streamed weights on the host; 0 where all are on the device. */
  readonly host: number
  /** The most of the streamed weights that is on the device at once: a layer, or the table of the vocabulary. */
  readonly streamed: number
  /** Both moments of what moves. */
  readonly moments: number
  /** The frozen policy of the KL penalty; 0 without. */
  readonly reference: number
  /** Keys and values of prompts and longest rollouts, all layers. */
  readonly cache: number
  /** On top of what lasts: the peak while sampling, and of one update with and without gradient_checkpointing. */
  readonly rollout: number
  readonly update: { readonly plain: number; readonly checkpointed: number }
  /** What lasts and the larger of rollout and the update as configured. */
  readonly peak: number
}

export interface EstimateOptions {
  /** What trains instead of the weights. */
  readonly adapter?: LoadedAdapter | null
  /** Bytes of streamed weights on the host. */
  readonly host?: number
  /** The backend's fused kernels; default what every tfjs backend has. */
  readonly fused?: ReadonlyArray<FusedName>
}

/** A prompt whose pictures bring features, as those of a frozen encoder do. */
const withBlankFeatures = ({ text, vision }: PolicyConfig, prompt: EncodedPrompt): EncodedPrompt => ({
  ...prompt,
  images: prompt.images.map((image) => {
    const [t, h, w] = image.grid
    return { ...image, features: new Float32Array(((t * h * w) / vision.mergeSize ** 2) * text.hiddenSize) }
  }),
})

const startsFromAdapter = ({ lora }: TrainConfig): boolean => lora !== null && lora.adapter_name_or_path !== null

/** Bytes of the weights that are asked for together: those of one layer, of the merger, or one table. */
const largestGroup = (shapes: Readonly<Record<string, Shape>>): number => {
  const groups = new Map<string, number>()
  for (const [name, shape] of Object.entries(shapes)) {
    const group = /^(visual\.blocks\.\d+|model\.layers\.\d+|visual\.\w+|[\w.]+)\./.exec(name)?.[1] ?? name
    groups.set(group, (groups.get(group) ?? 0) + 4 * sizeOf(shape))
  }
  return Math.max(...groups.values())
}

/**
 * Memory of a step from shapes alone: the policy's own program is run on shapes (`shapeTrace`) with these prompts and completions of the
 * longest kind, so that whatever the program allocates is counted.
 *
 * @param given - prompts of a typical rollout batch
 */
export const memoryEstimate = (
  config: TrainConfig,
  policy: PolicyConfig,
  given: ReadonlyArray<EncodedPrompt>,
  { adapter = null, host = 0, fused }: EstimateOptions = {},
): MemoryEstimate => {
  const baseShapes = weightShapes(policy)
  const adapterShapes = Object.fromEntries(
    Object.entries(adapter?.tensors ?? {}).map(([name, { shape }]) => [name, shape] as const),
  )
  const shapes: Readonly<Record<string, Shape>> = { ...baseShapes, ...adapterShapes }
  const total = (names: ReadonlyArray<string>): number =>
    4 * names.reduce((sum, name) => sum + sizeOf(shapes[name]!), 0)
  const movingNames = Object.keys(adapter === null ? baseShapes : adapterShapes).filter(
    (name) => !frozenIn(config)(name),
  )
  const moves = new Set(movingNames)
  const frozen = (name: string): boolean => !moves.has(name)
  const looksOnce = Object.keys(shapes).every((name) => !name.startsWith('visual.') || frozen(name))
  const prompts = looksOnce ? given.map((prompt) => withBlankFeatures(policy, prompt)) : given
  const isStreamed = config.base_weights === 'streamed'
  const weights = total(Object.keys(isStreamed ? adapterShapes : shapes))
  const moments = 2 * total(movingNames)
  const reference =
    config.beta === 0
      ? 0
      : adapter === null
        ? weights
        : startsFromAdapter(config)
          ? total(Object.keys(adapterShapes))
          : 0
  const streamed = isStreamed ? largestGroup(baseShapes) : 0

  const { text } = policy
  const promptLength = Math.max(...prompts.map(({ ids }) => ids.length)) - 1
  const perToken = 2 * 4 * text.layers * text.kvHeads * text.headDim
  const rollouts = prompts.length * config.num_generations
  const promptCache = perToken * prompts.length * promptLength
  const ownCache = perToken * rollouts * config.max_completion_length
  // A layer that grows exists twice for a moment, and the logits are one row a rollout.
  const decoding = promptCache + ownCache * (1 + 1 / text.layers) + 4 * rollouts * text.vocabSize

  const micro = prompts.slice(0, config.per_device_train_batch_size / config.num_generations)
  const longest = new Int32Array(config.max_completion_length)
  const batch = completionBatch(policy)(
    micro,
    micro.map(() => Array.from({ length: config.num_generations }, () => longest)),
  )
  // The gradients of earlier micro-batches wait for the last.
  const waiting = total(movingNames) * (batchArithmetic(config).microBatchesPerUpdate - 1)
  const scoring = { temperature: config.temperature, entropyGradient: config.entropy_coef !== 0 }

  const sketched = ({ given }: ShapeTrace, moves: (name: string) => boolean): Params<Sketch> =>
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, given(shape, { moves: moves(name) })]))
  const both = (trace: ShapeTrace): number => trace.bytes().forward + trace.bytes().backward

  const plain = (): number => {
    const trace = shapeTrace(fused)
    const params = sketched(trace, (name) => !frozen(name))
    scoreCompletions(trace.ops, policy)(residentWeights(params), batch, scoring)
    return both(trace)
  }
  const checkpointed = (): number => {
    const constants = shapeTrace(fused)
    const { stages, head } = stagedScores(constants.ops, policy)(batch, scoring)
    const shared = constants.bytes().forward
    let kept = 0
    let shape: Shape | undefined
    const peaks = [...stages, undefined].map((stage) => {
      const trace = shapeTrace(fused)
      const staged = stagedScores(trace.ops, policy)(batch, scoring)
      const before = trace.bytes().forward
      const params = residentWeights(sketched(trace, (name) => (stage ?? head).reads(name) && !frozen(name)))
      const x = shape === undefined ? undefined : trace.given(shape)
      const out =
        stage === undefined
          ? staged.head.scores(params, x!).logprob
          : staged.stages[stages.indexOf(stage)]!.run(params, x)
      const peak = kept + both(trace) - before + 4 * sizeOf(out.shape)
      shape = out.shape
      kept += 4 * sizeOf(out.shape)
      return peak
    })
    return shared + Math.max(...peaks)
  }
  const reading = (): number => {
    const trace = shapeTrace(fused)
    prefill(trace.ops, policy)(residentWeights(sketched(trace, () => false)), promptBatch(policy)(prompts))
    return trace.bytes().forward
  }

  const update = { plain: plain() + waiting, checkpointed: checkpointed() + waiting }
  /** A frozen encoder looks at one picture at a time. */
  const looking = (): number => {
    const images = given.flatMap((prompt) => prompt.images)
    if (!looksOnce || images.length === 0) return 0
    const largest = images.reduce((a, b) => (a.pixels.length >= b.pixels.length ? a : b))
    const trace = shapeTrace(fused)
    visionFeatures(trace.ops, policy)(residentWeights(sketched(trace, () => false)), [largest], { features: 'merged' })
    return trace.bytes().forward
  }
  const rollout = Math.max(reading(), decoding, looking())
  const lasting = weights + moments + reference + streamed
  return {
    weights,
    host,
    streamed,
    moments,
    reference,
    cache: promptCache + ownCache,
    rollout,
    update,
    peak: lasting + Math.max(rollout, config.gradient_checkpointing ? update.checkpointed : update.plain),
  }
}

const megabytes = (bytes: number): string =>
  `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: bytes < 1e8 ? 1 : 0 })} MB`

/** The estimate for the first rows of a run's data, as many as a step has prompts, on this backend. */
export const estimateFor = <T>(
  { config, policy, processor, dataset, adapter, stored }: Prepared,
  { ops }: Pick<Backend<T>, 'ops'>,
): TE.TaskEither<TrainError, MemoryEstimate> =>
  attempt(async (take) => {
    const rows = dataset.rows.slice(0, batchArithmetic(config).promptsPerStep)
    const tasks = await take(encodeRows(processor, rows))
    return memoryEstimate(
      config,
      policy,
      tasks.map(({ prompt }) => prompt),
      {
        adapter,
        host: stored === null ? 0 : storedBytes(stored),
        fused: Object.keys(ops.fused ?? {}) as ReadonlyArray<FusedName>,
      },
    )
  })

/** Bytes there are for what an estimate counts. */
export interface MemoryLimits {
  /** Of the machine; Infinity where the device has its own memory, of which nobody tells the size. */
  readonly total: number
  /** Of the WebAssembly heap, where the device is one; Infinity elsewhere. */
  readonly wasm: number
}

/** WebAssembly addresses 32 bits. */
const WASM_BYTES = 2 ** 32

/** What bounds an engine on a machine with so much memory. */
export const memoryLimits = (engine: string, total: number): MemoryLimits => ({
  total: engine === 'webgpu' || engine === 'tfjs-node-gpu' ? Infinity : total,
  wasm: engine === 'wasm' ? WASM_BYTES : Infinity,
})

/** What cannot fit, as a sentence that names the key to turn; undefined when it may fit. An estimate is never the last byte. */
export const memoryProblem = (
  config: TrainConfig,
  { peak, host, update, rollout }: MemoryEstimate,
  { total, wasm }: MemoryLimits,
): string | undefined => {
  const tooMuch =
    peak > wasm
      ? `needs about ${megabytes(peak)} on the device, and backend wasm has ${megabytes(wasm)}`
      : peak + host > total
        ? `needs about ${megabytes(peak + host)} of memory, and this machine has ${megabytes(total)}`
        : undefined
  if (tooMuch === undefined) return undefined
  const knob =
    !config.gradient_checkpointing && update.checkpointed < update.plain
      ? 'set gradient_checkpointing=true'
      : config.lora === null
        ? 'train adapters instead of the weights (lora.r=16)'
        : config.base_weights === 'resident'
          ? 'keep the frozen weights on the host (base_weights=streamed)'
          : rollout > update.checkpointed
            ? 'lower generation_batch_size or max_completion_length'
            : 'lower per_device_train_batch_size, max_completion_length or the size of the pictures'
  return `This run ${tooMuch}; ${knob}.`
}

/** The estimate in a line for `--dry_run`. */
export const memoryLine = ({
  weights,
  host,
  streamed,
  moments,
  reference,
  cache,
  rollout,
  update,
  peak,
}: MemoryEstimate): string =>
  (host > 0 ? `Memory on the host (estimate): streamed weights ${megabytes(host)}\n` : '') +
  `Memory on the device (estimate): weights ${megabytes(weights)}, moments ${megabytes(moments)}, ` +
  (streamed > 0 ? `one layer of streamed weights ${megabytes(streamed)}, ` : '') +
  (reference > 0 ? `reference policy ${megabytes(reference)}, ` : '') +
  `rollout ${megabytes(rollout)} (cache ${megabytes(cache)}), ` +
  `update ${megabytes(update.plain)}, with gradient_checkpointing ${megabytes(update.checkpointed)}; peak ${megabytes(peak)}`

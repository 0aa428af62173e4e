import { type Params, residentWeights, type Shape, sizeOf } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { batchArithmetic, type TrainConfig } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { prefill, promptBatch } from '../policy/prompts.ts'
import { stagedScores } from '../policy/stages.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { weightShapes } from '../policy/weights.ts'
import type { Prepared } from './prepare.ts'
import { encodeRows } from './rollout.ts'
import { type ShapeTrace, shapeTrace, type Sketch } from './shapeOps.ts'

/** Bytes on the device. */
export interface MemoryEstimate {
  readonly weights: number
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

/**
 * Memory of a step from shapes alone: the policy's own program is run on shapes (`shapeTrace`) with these prompts and completions of the
 * longest kind, so that whatever the program allocates is counted.
 *
 * @param prompts - those of a typical rollout batch
 */
export const memoryEstimate = (
  config: TrainConfig,
  policy: PolicyConfig,
  prompts: ReadonlyArray<EncodedPrompt>,
): MemoryEstimate => {
  const shapes = weightShapes(policy)
  const total = (names: ReadonlyArray<string>): number =>
    4 * names.reduce((sum, name) => sum + sizeOf(shapes[name]!), 0)
  const frozen = (name: string): boolean => config.freeze_vision_tower && name.startsWith('visual.')
  const movingNames = Object.keys(shapes).filter((name) => !frozen(name))
  const weights = total(Object.keys(shapes))
  const moments = 2 * total(movingNames)
  const reference = config.beta > 0 ? weights : 0

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
    const trace = shapeTrace()
    const params = sketched(trace, (name) => !frozen(name))
    scoreCompletions(trace.ops, policy)(residentWeights(params), batch, scoring)
    return both(trace)
  }
  const checkpointed = (): number => {
    const constants = shapeTrace()
    const { stages, head } = stagedScores(constants.ops, policy)(batch, scoring)
    const shared = constants.bytes().forward
    let kept = 0
    let shape: Shape | undefined
    const peaks = [...stages, undefined].map((stage) => {
      const trace = shapeTrace()
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
    const trace = shapeTrace()
    prefill(trace.ops, policy)(residentWeights(sketched(trace, () => false)), promptBatch(policy)(prompts))
    return trace.bytes().forward
  }

  const update = { plain: plain() + waiting, checkpointed: checkpointed() + waiting }
  const rollout = Math.max(reading(), decoding)
  const lasting = weights + moments + reference
  return {
    weights,
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

/** The estimate for the first rows of a run's data, as many as a step has prompts. */
export const estimateFor = ({
  config,
  policy,
  processor,
  dataset,
}: Prepared): TE.TaskEither<TrainError, MemoryEstimate> =>
  attempt(async (take) => {
    const rows = dataset.rows.slice(0, batchArithmetic(config).promptsPerStep)
    const tasks = await take(encodeRows(processor, rows))
    return memoryEstimate(
      config,
      policy,
      tasks.map(({ prompt }) => prompt),
    )
  })

/** The estimate in a line for `--dry_run`. */
export const memoryLine = ({ weights, moments, reference, cache, rollout, update, peak }: MemoryEstimate): string =>
  `Memory on the device (estimate): weights ${megabytes(weights)}, moments ${megabytes(moments)}, ` +
  (reference > 0 ? `reference policy ${megabytes(reference)}, ` : '') +
  `rollout ${megabytes(rollout)} (cache ${megabytes(cache)}), ` +
  `update ${megabytes(update.plain)}, with gradient_checkpointing ${megabytes(update.checkpointed)}; peak ${megabytes(peak)}`

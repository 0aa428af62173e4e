import { readFileSync } from 'node:fs'
import { type Backend, normals, residentWeights } from '@durian/core'
import { expectClose, type Law, type Tolerance } from '@durian/core/laws'
import { readConfig } from '../../config/readConfig.ts'
import { generate } from '../../policy/generate.ts'
import { miniConfig, right } from '../../policy/testing.ts'
import type { EncodedPrompt } from '../../policy/types.ts'
import type { UpdateStatistics } from '../update.ts'
import { type RecordedBatch, replay, type ReplaySetting } from './replay.ts'

const recordingFile = new URL('../../../goldens/replay.json', import.meta.url)

/** 20 rollout batches of a run on one device, and what that device's updates gave. */
export interface Recording {
  /** The device that drew the rollouts. */
  readonly recordedOn: string
  readonly batches: ReadonlyArray<RecordedBatch>
  readonly steps: ReadonlyArray<ReplayedNumbers>
}
type ReplayedNumbers = Pick<UpdateStatistics, 'loss' | 'gradNorm' | 'entropy' | 'kl' | 'ratio'>

const STEPS = 20
const ROLLOUTS = 4
const LENGTH = 6
/** Mean 0 in each group; the second group's are turned round at every step, so no token is only ever rewarded. */
const ADVANTAGES = [
  [1.2, -0.4, 0.3, -1.1],
  [-0.9, 0.7, 1.0, -0.8],
] as const

/** One question with a picture of 4 x 4 patches, one without. */
const prompts = (): ReadonlyArray<EncodedPrompt> => {
  const promptOf = (id: string, ids: ReadonlyArray<number>, images: EncodedPrompt['images']): EncodedPrompt => {
    const axis = Int32Array.from(ids, (_, i) => i)
    return {
      id,
      text: '',
      ids: Int32Array.from(ids),
      positions: [axis, axis, axis],
      nextPosition: ids.length,
      images,
    }
  }
  const pixels = Float32Array.from(normals({ seed: 3, stream: 1 }, 16 * 12))
  return [
    promptOf('seen', [2, 22, 20, 20, 20, 20, 23, 5, 6, 7], [{ grid: [1, 4, 4], pixels }]),
    promptOf('told', [2, 9, 4, 11, 3, 8, 7], []),
  ]
}

/** Two passes over each batch and a penalty, so that a loss depends on the log-probs and not on advantages alone. */
const setting = async (): Promise<ReplaySetting> => ({
  config: right(
    await readConfig({
      overrides: [
        'model_name_or_path=unused',
        'dataset=unused',
        'output_dir=unused',
        `num_generations=${ROLLOUTS}`,
        `generation_batch_size=${2 * ROLLOUTS}`,
        `per_device_train_batch_size=${2 * ROLLOUTS}`,
        `max_completion_length=${LENGTH}`,
        'num_iterations=2',
        'beta=0.1',
        'learning_rate=1e-2',
        'max_grad_norm=1',
      ],
    })(),
  ),
  policy: miniConfig,
  seed: 9,
  prompts: prompts(),
})

const numbersOf = ({ loss, gradNorm, entropy, kl, ratio }: UpdateStatistics): ReplayedNumbers => ({
  loss,
  gradNorm,
  entropy,
  kl,
  ratio,
})

/** Draw the rollouts of a run and keep them, with what each update gave: `goldens/replay.json`. */
export const record = async <T>(backend: Backend<T>): Promise<Recording> => {
  const run = await setting()
  const batches: RecordedBatch[] = []
  const sample = generate(backend, run.policy)
  const log = await replay(backend, run, async (learner, step) => {
    if (step === STEPS) return null
    const drawn = right(
      await sample(residentWeights(learner.params), run.prompts, {
        numGenerations: ROLLOUTS,
        maxCompletionLength: LENGTH,
        temperature: 1,
        topP: 1,
        topK: 0,
        banned: [20, 21, 22, 23],
        endTokens: run.policy.tokens.end,
        seed: run.seed,
        step,
      })(),
    )
    const batch: RecordedBatch = {
      ids: drawn.map((group) => group.map(({ ids }) => Array.from(ids))),
      logprobs: drawn.map((group) => group.map(({ logprobs }) => Array.from(logprobs, (x) => Number(x.toFixed(6))))),
      advantages: ADVANTAGES.map((row, p) => (p === 1 && step % 2 === 1 ? row.map((a) => -a) : row)),
    }
    batches.push(batch)
    return batch
  })()
  return { recordedOn: backend.info.description, batches, steps: right(log).map(numbersOf) }
}

const recording = (): Recording => JSON.parse(readFileSync(recordingFile, 'utf8')) as Recording

/** Statistics of the recorded batches' updates on this device. */
export const replayed = async <T>(backend: Backend<T>): Promise<ReadonlyArray<UpdateStatistics>> => {
  const { batches } = recording()
  return right(await replay(backend, await setting(), (_, step) => Promise.resolve(batches[step] ?? null))())
}

/** The recorded run's losses and gradient norms, step by step; further steps may differ more, as each starts where the last one ended. */
export const replayLaw = <T>(backend: Backend<T>, tolerance: Tolerance): Law => ({
  name: `${STEPS} recorded rollout batches give the recorded losses and gradient norms`,
  check: async () => {
    const { steps } = recording()
    const before = backend.memory.liveTensors()
    const numbers = (await replayed(backend)).map(numbersOf)
    for (const name of ['loss', 'gradNorm', 'entropy', 'kl', 'ratio'] as const) {
      const column = (rows: ReadonlyArray<ReplayedNumbers>) => ({
        shape: [rows.length],
        data: rows.map((row) => row[name] ?? NaN),
      })
      expectClose(name, column(numbers), column(steps), tolerance)
    }
    const left = backend.memory.liveTensors() - before
    if (left !== 0) throw new Error(`${left} tensors stay on the device`)
  },
})

import { appendFile, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Backend, initAdamW, learningRateSchedule, type Params, type Schedule } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { configText } from '../config/readConfig.ts'
import { batchArithmetic, TrainConfig } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readSafetensors } from '../io/safetensors.ts'
import { openRunFolder, type RunFolder } from '../run/runFolder.ts'
import type { Evaluation, Metrics } from '../run/records.ts'
import { coldStart, type ColdStartLine } from './coldStart.ts'
import {
  listCheckpoints,
  loadCheckpoint,
  pruneCheckpoints,
  readCheckpointState,
  type SavedCheckpoint,
  toDevice,
  toHost,
  writeCheckpoint,
  writeModel,
} from './checkpoint.ts'
import { evaluate } from './evaluate.ts'
import { trainable } from './optimise.ts'
import { coldStartFolder, makesColdStart, type Prepared } from './prepare.ts'
import { completionRecords } from './records.ts'
import { type StepContext, trainStep, type TrainState } from './trainStep.ts'

/** What a run tells whoever watches it, and how it is asked to stop. */
export interface TrainHooks {
  readonly clock: () => number
  /** True once the user wants to stop: the step in hand is finished and saved first. */
  readonly interrupted: () => boolean
  readonly onNote: (line: string) => void
  readonly onColdStart: (line: ColdStartLine) => void
  readonly onStep: (metrics: Metrics) => void
  readonly onEvaluation: (evaluation: Evaluation) => void
  readonly onEvaluationProgress: (split: string, done: number, total: number) => void
}

export interface TrainResult {
  readonly step: number
  /** Greedy evaluation on the test rows before the first and after the last step; null without test_dataset. */
  readonly before: Evaluation | null
  readonly after: Evaluation | null
  /** The run had been finished before; nothing was trained. */
  readonly alreadyComplete: boolean
}

const COLD_START_FACTS = 'cold_start.json'

/** Keys that may differ between a run and its continuation: they do not touch what a step computes. */
const FREE_KEYS: ReadonlySet<string> = new Set([
  'max_steps',
  'output_dir',
  'backend',
  'logging_steps',
  'eval_steps',
  'eval_samples',
  'save_steps',
  'save_total_limit',
  'num_completions_to_log',
  'resume',
  'dry_run',
  'gradient_checkpointing',
  'num_workers',
])

/** The checkpoint to go on from; null = from the beginning. */
export const findResume = (config: TrainConfig): TE.TaskEither<TrainError, SavedCheckpoint | null> =>
  attempt(async (take) => {
    if (config.resume === false) return null
    const directory = config.resume === 'auto' ? (await listCheckpoints(config.output_dir)).at(-1) : config.resume
    if (directory === undefined) return null
    const saved = await take(readCheckpointState(directory))
    const now = TrainConfig.encode(config) as unknown as Record<string, unknown>
    const changed = Object.keys(now).filter(
      (key) => !FREE_KEYS.has(key) && JSON.stringify(now[key]) !== JSON.stringify(saved.state.config[key]),
    )
    if (config.lr_scheduler_type !== 'constant' && saved.state.config['max_steps'] !== config.max_steps)
      changed.push('max_steps')
    if (changed.length > 0)
      await take(
        E.left(
          badInput(
            `${config.output_dir} holds a run with another ${changed.join(', ')}; set it back to continue, or give another output_dir to start anew.`,
          ),
        ),
      )
    return saved
  })

/** Evaluations on the test split that are in the folder's log. */
const testEvaluations = async (runFolder: string): Promise<ReadonlyArray<Evaluation>> => {
  const text = await readFile(join(runFolder, 'evaluation.jsonl'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Evaluation)
    .filter((evaluation) => evaluation.split === 'test')
}

/**
 * A whole run: cold start if asked for, evaluation, `max_steps` steps with evaluations and checkpoints, evaluation.
 *
 * Resumes from the newest checkpoint of the folder, bit for bit: logs are cut back to what the checkpoint saw. An interruption finishes the
 * step in hand, saves and ends with `Interrupted`.
 */
export const train =
  <T>(backend: Backend<T>, prepared: Prepared, hooks: TrainHooks) =>
  (saved: SavedCheckpoint | null): TE.TaskEither<TrainError, TrainResult> =>
    attempt(async (take) => {
      const { config, policy, processor, rewarder, dataset, validation, test } = prepared
      const finished = saved !== null && saved.state.step >= config.max_steps
      if (finished) {
        const known = await testEvaluations(config.output_dir)
        const after = known.find((evaluation) => evaluation.step === saved.state.step) ?? null
        if (test === null || after !== null)
          return {
            step: saved.state.step,
            before: known.find(({ step }) => step === 0) ?? null,
            after,
            alreadyComplete: true,
          }
      }
      const folder = await take(
        openRunFolder({
          path: config.output_dir,
          config,
          backend: backend.info.description,
          resumeAt: saved?.state.offsets ?? null,
          whenUsed: config.resume === false ? 'refuse' : 'restart',
        }),
      )
      try {
        await copyColdStartFacts(prepared)
        const started = await take(startingPoint(backend, prepared, hooks, saved))
        const context: StepContext<T> = {
          backend,
          config,
          policy,
          processor,
          rewarder,
          dataset,
          reference: config.beta > 0 ? started.reference : null,
          learningRate: scheduleOf(config),
          clock: hooks.clock,
        }
        const measure = (params: Params<T>, split: 'validation' | 'test', step: number) =>
          evaluate({ backend, policy, processor, rewarder })(params, (split === 'test' ? test : validation)!, {
            step,
            split,
            maxCompletionLength: config.max_completion_length,
            seed: config.seed,
            samples: split === 'test' ? null : config.eval_samples,
            onProgress: (done, total) => hooks.onEvaluationProgress(split, done, total),
          })
        const log = (evaluation: Evaluation) =>
          attempt<TrainError, Evaluation>(async (take) => {
            await take(folder.logEvaluation(evaluation))
            hooks.onEvaluation(evaluation)
            return evaluation
          })
        const save = (state: TrainState<T>) => saveCheckpoint(backend, prepared, folder, state)

        let state = started.state
        let before =
          saved === null ? null : ((await testEvaluations(config.output_dir)).find(({ step }) => step === 0) ?? null)
        if (state.step === 0 && saved === null) {
          if (test !== null) before = await take(log(await take(measure(state.learner.params, 'test', 0))))
          if (validation !== null) {
            const evaluation = await take(log(await take(measure(state.learner.params, 'validation', 0))))
            await take(folder.logMetrics({ step: 0, ...evaluationMetrics(evaluation) }))
          }
          await take(save(state))
        }
        let savedStep = state.step
        while (state.step < config.max_steps) {
          if (hooks.interrupted()) {
            if (savedStep !== state.step) await take(save(state))
            await take(
              E.left<TrainError>({
                _tag: 'Interrupted',
                message: `Interrupted after step ${state.step}; saved in ${join(config.output_dir, `checkpoint-${state.step}`)}. Run the same command again to continue.`,
              }),
            )
          }
          const stepped = await trainStep(context)(state)()
          if (E.isLeft(stepped)) {
            if (savedStep !== state.step) await take(save(state))
            await take(stepped)
            break
          }
          state = stepped.right.state
          const { report } = stepped.right
          const evaluates =
            validation !== null && (state.step % config.eval_steps === 0 || state.step === config.max_steps)
          const evaluation = evaluates
            ? await take(log(await take(measure(state.learner.params, 'validation', state.step))))
            : null
          const metrics: Metrics = { ...report.metrics, ...(evaluation === null ? {} : evaluationMetrics(evaluation)) }
          const logged = report.groups.slice(0, config.num_completions_to_log ?? report.groups.length)
          const images: Array<ReadonlyArray<string>> = []
          for (const { row } of logged) {
            const paths: Array<string> = []
            for (const image of row.images) paths.push(await take(folder.saveImage(image)))
            images.push(paths)
          }
          await take(folder.logCompletions(completionRecords(report, images)))
          await take(folder.logMetrics(metrics))
          hooks.onStep(metrics)
          if (state.step % config.save_steps === 0 || state.step === config.max_steps) {
            await take(save(state))
            savedStep = state.step
          }
        }
        const after =
          test === null ? null : await take(log(await take(measure(state.learner.params, 'test', state.step))))
        return { step: state.step, before, after, alreadyComplete: false }
      } finally {
        await folder.close()()
      }
    })

/**
 * The configured schedule. transformers' warm-up begins at rate 0, which would waste the first rollout batch: here update n of a warm-up
 * of w learns at n/w of the rate.
 */
const scheduleOf = (config: TrainConfig): Schedule => {
  const { learning_rate: learningRate, warmup_steps: warmupSteps } = config
  const totalSteps = batchArithmetic(config).optimiserSteps
  const schedule = learningRateSchedule({ kind: config.lr_scheduler_type, learningRate, warmupSteps, totalSteps })
  return (step) => (step < warmupSteps ? (learningRate * (step + 1)) / warmupSteps : schedule(step))
}

const evaluationMetrics = (evaluation: Evaluation): Record<string, number> => ({
  eval_accuracy: evaluation.accuracy,
  eval_accuracy_low: evaluation.interval[0],
  eval_accuracy_high: evaluation.interval[1],
  eval_format: evaluation.format,
  eval_mean_length: evaluation.mean_length,
})

const saveCheckpoint = <T>(
  backend: Backend<T>,
  { config }: Prepared,
  folder: RunFolder,
  state: TrainState<T>,
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    await take(
      writeCheckpoint(
        backend,
        config.output_dir,
      )({
        state,
        modelFrom: config.model_name_or_path,
        offsets: await take(folder.offsets()),
        config: TrainConfig.encode(config),
      }),
    )
    await pruneCheckpoints(config.output_dir, config.save_total_limit)
  })

/** The state to step from, and the reference policy of the KL penalty: the policy the reinforcement learning started with. */
const startingPoint = <T>(
  backend: Backend<T>,
  prepared: Prepared,
  hooks: TrainHooks,
  saved: SavedCheckpoint | null,
): TE.TaskEither<TrainError, { readonly state: TrainState<T>; readonly reference: Params<T> | null }> =>
  attempt(async (take) => {
    const { config } = prepared
    const initial = async (): Promise<Params<T>> =>
      makesColdStart(config) ? take(coldStartParams(backend, prepared, hooks)) : toDevice(backend)(prepared.weights)
    const reference = config.beta > 0 ? await initial() : null
    if (saved !== null) return { state: await take(loadCheckpoint(backend)(saved)), reference }
    const params = await initial()
    const frozen = (name: string) => config.freeze_vision_tower && name.startsWith('visual.')
    const optimizer = backend.memory.scope(() => initAdamW(backend.ops, trainable(params, frozen)))
    return { state: { step: 0, cursor: 0, tokens: 0, learner: { params, optimizer } }, reference }
  })

/** Keeps beside the logs what is known of the cold start of the model folder, as the reference line of the report. */
const copyColdStartFacts = async ({ config }: Prepared): Promise<void> => {
  const facts = join(config.model_name_or_path, COLD_START_FACTS)
  if (!config.from_scratch && existsSync(facts)) await copyFile(facts, join(config.output_dir, COLD_START_FACTS))
}

/** The cold start's policy: read from the run folder when it was made before, else made there now. */
const coldStartParams = <T>(
  backend: Backend<T>,
  prepared: Prepared,
  hooks: TrainHooks,
): TE.TaskEither<TrainError, Params<T>> =>
  attempt(async (take) => {
    const { config, sft } = prepared
    const directory = coldStartFolder(config)
    if (existsSync(join(directory, COLD_START_FACTS))) {
      hooks.onNote(`Cold start found in ${directory}`)
      return toDevice(backend)(await take(readSafetensors(join(directory, 'model.safetensors'))))
    }
    const temporary = `${directory}.writing`
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary, { recursive: true })
    const lines: Array<Promise<void>> = []
    const made = await take(
      coldStart({
        backend,
        config,
        sft: config.sft!,
        policy: prepared.policy,
        processor: prepared.processor,
        rewarder: prepared.rewarder,
        dataset: sft!,
        test: prepared.test,
        interrupted: hooks.interrupted,
        onStep: (line) => {
          lines.push(appendFile(join(temporary, 'metrics.jsonl'), `${JSON.stringify(line)}\n`))
          hooks.onColdStart(line)
        },
      })(toDevice(backend)(prepared.weights)),
    )
    await Promise.all(lines)
    await take(writeModel(temporary, config.model_name_or_path, await take(toHost(backend)(made.params))))
    await writeFile(join(temporary, 'config.yaml'), configText(config))
    const { params, ...facts } = made
    await writeFile(
      join(temporary, COLD_START_FACTS),
      `${JSON.stringify({ seed: config.seed, backend: backend.info.description, ...facts }, null, 2)}\n`,
    )
    await rm(directory, { recursive: true, force: true })
    await rename(temporary, directory)
    await copyFile(join(directory, COLD_START_FACTS), join(config.output_dir, COLD_START_FACTS))
    return params
  })

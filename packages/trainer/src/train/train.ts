import { join } from 'node:path'
import type { Backend, Params } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { TrainConfig } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { drawnBy } from '../policy/drawing.ts'
import type { Evaluation, Metrics } from '../run/records.ts'
import { openRunFolder, type RunFolder } from '../run/runFolder.ts'
import { pruneCheckpoints, type SavedCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { evaluate } from './evaluate.ts'
import type { TrainHooks } from './hooks.ts'
import { scheduleOf } from './schedule.ts'
import { featureCache } from './pictureFeatures.ts'
import type { Prepared } from './prepare.ts'
import { completionRecords } from './records.ts'
import { testEvaluations } from './resume.ts'
import { copyColdStartFacts, startingPoint } from './startingPoint.ts'
import { type StepContext, trainStep, type TrainState } from './trainStep.ts'

export interface TrainResult {
  readonly step: number
  /** Greedy evaluation on the test rows before the first and after the last step; null without test_dataset. */
  readonly before: Evaluation | null
  readonly after: Evaluation | null
  /** The run had been finished before; nothing was trained. */
  readonly alreadyComplete: boolean
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
          backend: `${backend.info.description}; tokens are drawn by the ${drawnBy(backend)}`,
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
          base: started.base,
          pictureFeatures: featureCache(),
          reference: config.beta > 0 ? started.reference : null,
          learningRate: scheduleOf(config),
          clock: hooks.clock,
        }
        const measure = (params: Params<T>, split: 'validation' | 'test', step: number) =>
          evaluate({ backend, policy, base: started.base, processor, rewarder })(
            params,
            (split === 'test' ? test : validation)!,
            {
              step,
              split,
              maxCompletionLength: config.max_completion_length,
              seed: config.seed,
              ...(split === 'test'
                ? { samples: null }
                : {
                    samples: config.eval_samples,
                    temperature: config.eval_temperature,
                    topP: config.eval_top_p,
                  }),
              onProgress: (done, total) => hooks.onEvaluationProgress(split, done, total),
            },
          )
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

const evaluationMetrics = (evaluation: Evaluation): Record<string, number> => ({
  eval_accuracy: evaluation.accuracy,
  eval_accuracy_low: evaluation.interval[0],
  eval_accuracy_high: evaluation.interval[1],
  eval_format: evaluation.format,
  eval_mean_length: evaluation.mean_length,
})

const saveCheckpoint = <T>(
  backend: Backend<T>,
  { config, policy, adapter }: Prepared,
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
        adapter: adapter === null ? undefined : { policy, facts: adapter.facts },
      }),
    )
    await pruneCheckpoints(config.output_dir, config.save_total_limit)
  })

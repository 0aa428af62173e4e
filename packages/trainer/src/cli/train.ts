import { totalmem } from 'node:os'
import { join } from 'node:path'
import { sizeOf } from '@durian/core'
import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { batchArithmetic, type TrainConfig } from '../config/trainConfig.ts'
import { leftOutLines } from '../data/leftOut.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { weightShapes } from '../policy/weights.ts'
import { writeReport } from '../report/writeReport.ts'
import { pairedDifference } from '../run/intervals.ts'
import type { Evaluation } from '../run/records.ts'
import { estimateFor, memoryLimits, memoryLine, memoryProblem } from '../train/memoryEstimate.ts'
import { prepare, type Prepared } from '../train/prepare.ts'
import { findResume } from '../train/resume.ts'
import { train, type TrainResult } from '../train/train.ts'
import { withHostWorkers, withWorkers } from '../workers/hostWorkers.ts'
import { withChosenBackend } from './chosenBackend.ts'
import { engineLine } from './engineLine.ts'
import { watched } from './interrupt.ts'
import { printing, runCommand } from './runCommand.ts'
import { addRunFlags, configOf, type RunFlags } from './runFlags.ts'
import { trainHooks } from './trainHooks.ts'

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
const signed = (value: number): string => `${value >= 0 ? '+' : '-'}${(100 * Math.abs(value)).toFixed(1)}`

/** Greedy accuracy before and after, and the paired 95 % interval of the difference in percentage points. */
export const summaryLines = (
  config: TrainConfig,
  { before, after, step, alreadyComplete }: TrainResult,
): ReadonlyArray<string> => {
  const head = alreadyComplete
    ? [`${config.output_dir} is complete: ${step} steps were trained before. A larger max_steps continues it.`]
    : []
  const line = (when: string, { accuracy, interval, count }: Evaluation): string =>
    `Test accuracy ${when}: ${percent(accuracy)} (95 % interval ${percent(interval[0])} to ${percent(interval[1])}, greedy, ${count} prompts)`
  const lines = [...head]
  if (before !== null) lines.push(line('before', before))
  if (after !== null && step > 0) lines.push(line('after ', after))
  if (before !== null && after !== null && step > 0 && before.correct.length === after.correct.length) {
    const { mean, interval } = pairedDifference(before.correct, after.correct, { seed: config.seed })
    lines.push(
      `Difference: ${signed(mean)} points (95 % paired interval ${signed(interval[0])} to ${signed(interval[1])})`,
    )
  }
  return lines
}

/** What a run would do, in numbers. */
export const planLines = ({
  config,
  policy,
  adapter,
  dataset,
  validation,
  test,
  sft,
}: Prepared): ReadonlyArray<string> => {
  const { promptsPerStep, updateBatch, updatesPerStep, microBatchesPerUpdate, optimiserSteps } = batchArithmetic(config)
  const parameters = Object.values(weightShapes(policy)).reduce((total, shape) => total + sizeOf(shape), 0)
  const adapted = Object.values(adapter?.tensors ?? {}).reduce((total, { data }) => total + data.length, 0)
  const trained =
    adapter === null
      ? ''
      : `, ${adapted.toLocaleString('en')} in adapters of ${adapter.modules.length} linears are trained`
  const rows = [
    `${dataset.rows.length} training rows`,
    ...(validation === null ? [] : [`${validation.rows.length} validation`]),
    ...(test === null ? [] : [`${test.rows.length} test`]),
    ...(sft === null ? [] : [`${sft.rows.length} cold start`]),
  ]
  return [
    `Policy ${config.model_name_or_path}: ${parameters.toLocaleString('en')} parameters${trained}; estimator ${config.estimator}, loss ${config.loss_type}`,
    `Data: ${rows.join(', ')}`,
    ...[dataset, validation, test, sft].flatMap((part) => (part === null ? [] : leftOutLines(part))),
    `Each step: ${promptsPerStep} prompts x ${config.num_generations} rollouts of at most ${config.max_completion_length} tokens; ` +
      `${updatesPerStep} update${updatesPerStep === 1 ? '' : 's'} of ${updateBatch} completions in ${microBatchesPerUpdate} micro-batch${microBatchesPerUpdate === 1 ? '' : 'es'}`,
    `Run: ${config.max_steps} steps, ${optimiserSteps} optimiser steps, ${((config.max_steps * promptsPerStep) / dataset.rows.length).toFixed(2)} epochs`,
  ]
}

const run = (flags: RunFlags, overrides: ReadonlyArray<string>): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const config = await take(configOf(flags, overrides))
    const prepared = await take(prepare(config))
    const saved = await take(findResume(config))
    const plan = planLines(prepared)
    const device = { prefer: config.backend, wasmThreads: config.wasm_threads, precision: config.precision }
    if (config.dry_run) {
      // The device is opened: what it lacks is said now, and its kernels decide what memory a step takes.
      let engine: Parameters<typeof engineLine>[0] | undefined
      const estimate = await take(
        withChosenBackend({ ...device, onOpened: (opened) => (engine = opened) })((backend) =>
          estimateFor(prepared, backend),
        ),
      )
      const problem = memoryProblem(config, estimate, memoryLimits(engine!.engine, totalmem()))
      if (problem !== undefined) await take(E.left(badInput(problem)))
      return [...plan, engineLine(engine!, config.backend), memoryLine(estimate)].join('\n')
    }
    for (const line of plan) process.stderr.write(`${line}\n`)
    if (saved !== null) process.stderr.write(`Continuing from ${saved.directory}\n`)
    const result = await watched((interrupted) =>
      take(
        withChosenBackend({
          ...device,
          onOpened: (opened) => process.stderr.write(`${engineLine(opened, config.backend)}\n`),
        })((backend) =>
          withHostWorkers(config, (workers) =>
            train(
              backend,
              withWorkers(prepared, workers),
              trainHooks(config, interrupted, saved?.state.step ?? 0),
            )(saved),
          ),
        ),
      ),
    )
    const report = join(config.output_dir, 'report.html')
    await take(writeReport([config.output_dir], report))
    return [...summaryLines(config, result), `Run folder: ${config.output_dir}`, `Report: ${report}`].join('\n')
  })

/** Adds `durian train`. */
export const registerTrain = (program: Command): void => {
  addRunFlags(program.command('train'))
    .description(
      'Train a policy by reinforcement learning with verifiable rewards, after a supervised cold start where the configuration has one. ' +
        'Continues an unfinished run of the same output_dir by itself. Ctrl-C finishes the step in hand, saves and exits with 130.',
    )
    .action((overrides: ReadonlyArray<string>, flags: RunFlags) => runCommand(printing(run(flags, overrides))))
}

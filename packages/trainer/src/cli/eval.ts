import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { loadDataset } from '../data/dataset.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { loadPolicy } from '../policy/files.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { combineRewards } from '../reward/index.ts'
import { toDevice } from '../train/checkpoint.ts'
import { evaluate } from '../train/evaluate.ts'
import { sampledEvaluation } from '../train/sampledEvaluation.ts'
import { backendChoices, withChosenBackend } from './chosenBackend.ts'
import { numberFlag } from './numberFlag.ts'
import { startProgress } from './progress.ts'
import { printing, runCommand } from './runCommand.ts'

interface EvalFlags {
  readonly model: string
  readonly data: string
  readonly num_generations: string
  readonly temperature: string
  readonly top_p: string
  readonly top_k: string
  readonly max_completion_length: string
  readonly samples?: string
  readonly backend: string
  readonly seed: string
}

const run = (flags: EvalFlags): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const whole = (flag: 'num_generations' | 'top_k' | 'seed', least: number) =>
      take(numberFlag(flag, flags[flag], { kind: 'whole', least }))
    const numGenerations = await whole('num_generations', 0)
    const topK = await whole('top_k', 0)
    const seed = await whole('seed', 0)
    const maxCompletionLength = await take(
      numberFlag('max_completion_length', flags.max_completion_length, { kind: 'whole', least: 1 }),
    )
    const temperature = await take(numberFlag('temperature', flags.temperature, { kind: 'real', least: 1e-6 }))
    const topP = await take(numberFlag('top_p', flags.top_p, { kind: 'real', least: 1e-6, most: 1 }))
    const samples =
      flags.samples === undefined ? null : await take(numberFlag('samples', flags.samples, { kind: 'whole', least: 1 }))
    const prefer = backendChoices.find((name) => name === flags.backend)
    if (prefer === undefined)
      return take(E.left(badInput(`--backend takes ${backendChoices.join(', ')}, not "${flags.backend}".`)))
    const { config: policy, weights } = await take(loadPolicy(flags.model))
    const processor = await take(loadProcessor(flags.model))
    const dataset = await take(loadDataset(flags.data))
    const rewarder = await take(
      combineRewards({
        functions: [
          { name: 'accuracy_reward', weight: 0.9 },
          { name: 'boxed_format_reward', weight: 0.1 },
        ],
      }),
    )
    return take(
      withChosenBackend({ prefer })((backend) =>
        attempt<TrainError, string>(async (take) => {
          const context = { backend, policy, processor, rewarder }
          const params = toDevice(backend)(weights)
          const progress = startProgress({
            label: 'prompts',
            total: Math.min(samples ?? Infinity, dataset.rows.length) * (numGenerations > 0 ? 2 : 1),
          })
          const greedy = await take(
            evaluate(context)(params, dataset, {
              step: 0,
              split: flags.data,
              maxCompletionLength,
              seed,
              samples,
              onProgress: (done) => progress.update(done, 'greedy'),
            }),
          )
          const sampled =
            numGenerations === 0
              ? null
              : await take(
                  sampledEvaluation(context)(params, dataset, {
                    numGenerations,
                    maxCompletionLength,
                    temperature,
                    topP,
                    topK,
                    seed,
                    samples,
                    onProgress: (done, total) => progress.update(total + done, 'sampled'),
                  }),
                )
          progress.stop()
          const { count, accuracy, interval, format, mean_length, by } = greedy
          return JSON.stringify(
            {
              model: flags.model,
              data: flags.data,
              rows: count,
              backend: backend.info.description,
              greedy: { accuracy, interval, format, mean_length, by },
              ...(sampled === null
                ? {}
                : {
                    sampled: {
                      num_generations: numGenerations,
                      temperature,
                      top_p: topP,
                      top_k: topK,
                      seed,
                      ...Object.fromEntries(Object.entries(sampled.pass).map(([k, rate]) => [`pass@${k}`, rate])),
                      [`maj@${numGenerations}`]: sampled.majority,
                    },
                  }),
            },
            null,
            2,
          )
        }),
      ),
    )
  })

/** Adds `durian eval`. */
export const registerEval = (program: Command): void => {
  program
    .command('eval')
    .description(
      'Accuracy of a policy on a data set, as JSON: greedy, and with --num_generations pass@k and maj@k, each with a 95 % bootstrap interval over rows.',
    )
    .requiredOption('--model <folder>', "model in the Hub's layout; a checkpoint folder is one")
    .requiredOption('--data <rows>', 'file.parquet, file.jsonl or folder@split')
    .option('--num_generations <n>', 'sampled completions per row for pass@k and maj@k; 0 = greedy only', '0')
    .option('--temperature <t>', 'of the sampled completions', '1')
    .option('--top_p <p>', 'nucleus of the draw; 1 = all tokens', '1')
    .option('--top_k <k>', 'tokens kept for the draw; 0 = all', '0')
    .option('--max_completion_length <tokens>', 'end token included', '32')
    .option('--samples <rows>', 'only the first rows')
    .option('--backend <name>', 'auto, tensorflow, wasm or webgpu', 'auto')
    .option('--seed <number>', 'key of the draws and of the bootstrap', '42')
    .action((flags: EvalFlags) => runCommand(printing(run(flags))))
}

import type { Command } from 'commander'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { numberFlag } from './numberFlag.ts'

/** How completions are drawn, as text. */
export interface SamplingFlags {
  readonly num_generations: string
  readonly temperature: string
  readonly top_p: string
  readonly top_k: string
  readonly max_completion_length: string
  readonly batch_size: string
  readonly seed: string
}

export interface Sampling {
  readonly numGenerations: number
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly maxCompletionLength: number
  readonly batchSize: number
  readonly seed: number
}

/** Defaults that differ from command to command. */
export interface SamplingDefaults {
  readonly numGenerations: number
  readonly maxCompletionLength: number
  /** What `--num_generations` means, as the help has it. */
  readonly generations: string
}

export const addSamplingFlags = (
  command: Command,
  { numGenerations, maxCompletionLength, generations }: SamplingDefaults,
): Command =>
  command
    .option('--num_generations <n>', generations, `${numGenerations}`)
    .option('--temperature <t>', 'of sampled completions; log-probs are taken at it', '1')
    .option('--top_p <p>', 'nucleus of the draw; 1 = all tokens', '1')
    .option('--top_k <k>', 'tokens kept for the draw; 0 = all', '0')
    .option('--max_completion_length <tokens>', 'end token included', `${maxCompletionLength}`)
    .option('--batch_size <n>', 'completions decoded together: saves time and takes memory', '256')
    .option('--seed <number>', 'key of the draws', '42')

/** The numbers of the flags. Left: the first that is none, or out of its range. */
export const samplingOf = (
  flags: SamplingFlags,
  { greedy, fewest }: { readonly greedy: 'taken' | 'refused'; readonly fewest: number },
): TE.TaskEither<TrainError, Sampling> =>
  attempt(async (take) => {
    const whole = (name: keyof SamplingFlags, least: number) =>
      take(numberFlag(name, flags[name], { kind: 'whole', least }))
    const real = (name: keyof SamplingFlags, rule: { readonly least: number; readonly most?: number }) =>
      take(numberFlag(name, flags[name], { kind: 'real', ...rule }))
    return {
      numGenerations: await whole('num_generations', fewest),
      temperature: await real('temperature', { least: greedy === 'taken' ? 0 : 1e-6 }),
      topP: await real('top_p', { least: 1e-6, most: 1 }),
      topK: await whole('top_k', 0),
      maxCompletionLength: await whole('max_completion_length', 1),
      batchSize: await whole('batch_size', 1),
      seed: await whole('seed', 0),
    }
  })

import type { Command } from 'commander'

/** A command as `durian --help` shows it. Its module is loaded only when it is called: no tfjs and no sharp before. */
export interface CommandEntry {
  readonly name: string
  readonly alias?: string
  readonly summary: string
  readonly load: () => Promise<(program: Command) => void>
  /** Arguments as the command itself reads them. */
  readonly rewrite?: (argv: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>
}

export const commands: ReadonlyArray<CommandEntry> = [
  {
    name: 'train',
    summary: 'train a policy: optional supervised cold start, then GRPO, DAPO or Durian',
    load: async () => (await import('./train.ts')).registerTrain,
    rewrite: async (argv) => (await import('./configFlags.ts')).withKeyFlags(argv),
  },
  {
    name: 'eval',
    summary: 'accuracy of a policy on a data set: greedy, pass@k and maj@k with intervals, as JSON',
    load: async () => (await import('./eval.ts')).registerEval,
  },
  {
    name: 'advantages',
    summary: 'advantages of a batch of prompts: JSON lines in, JSON lines out',
    load: async () => (await import('./advantages.ts')).registerAdvantages,
  },
  {
    name: 'entropy',
    summary: 'visual entropy of pictures, or of feature matrices',
    load: async () => (await import('./entropy.ts')).registerEntropy,
  },
  {
    name: 'generate',
    summary: 'sampled or greedy completions of rows, with log-probs, as JSON lines',
    load: async () => (await import('./generate.ts')).registerGenerate,
  },
  {
    name: 'score',
    summary: 'log-probs and entropies of given responses',
    load: async () => (await import('./score.ts')).registerScore,
  },
  {
    name: 'export',
    summary: 'a checkpoint as a PEFT adapter, or as a model that transformers loads',
    load: async () => (await import('./export.ts')).registerExport,
  },
  {
    name: 'analyze',
    summary: 'group statistics of a run, and who dominates the update under each estimator',
    load: async () => (await import('./analyze.ts')).registerAnalyze,
  },
  {
    name: 'report',
    summary: 'one HTML file with figures, sample completions and the comparison of runs',
    load: async () => (await import('./report.ts')).registerReport,
  },
  {
    name: 'data',
    summary: 'make and check data sets',
    load: async () => (await import('./data.ts')).registerData,
  },
  {
    name: 'setup',
    summary: 'install TensorFlow, the fastest engine: durian setup tensorflow',
    load: async () => (await import('./setup.ts')).registerSetup,
    rewrite: async (argv) => (await import('./setup.ts')).withLibraryVersion(argv),
  },
  {
    name: 'doctor',
    alias: 'env',
    summary: 'which backends work here, what is missing, and the command that mends it',
    load: async () => (await import('./doctor.ts')).registerDoctor,
  },
]

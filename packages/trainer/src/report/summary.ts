import { pairedDifference, type Estimate } from '../run/intervals.ts'
import { beforeAfter, splitsOf } from './figures/result.ts'
import type { Run } from './readRun.ts'

interface Rate {
  readonly accuracy: number
  readonly interval: readonly [number, number]
}

/** The numbers of one run that a text may quote. */
export interface RunSummary {
  readonly name: string
  readonly estimator: string
  readonly loss_type: string
  readonly seed: number
  readonly steps: number
  /** Sum of the steps' times, seconds. */
  readonly training_seconds: number
  readonly environment: Readonly<Record<string, unknown>>
  readonly splits: Readonly<
    Record<
      string,
      { readonly rows: number; readonly before: Rate; readonly after: Rate; readonly difference: Estimate | null }
    >
  >
}

export interface ReportSummary {
  readonly runs: ReadonlyArray<RunSummary>
  /** Final test accuracy of each later run minus that of the first, over the same rows. */
  readonly against_first: ReadonlyArray<{
    readonly name: string
    readonly first: string
    readonly difference: Estimate
  }>
}

const rate = ({ accuracy, interval }: Rate): Rate => ({ accuracy, interval })

const runSummary = (run: Run): RunSummary => ({
  name: run.name,
  estimator: run.config.estimator,
  loss_type: run.config.loss_type,
  seed: run.config.seed,
  steps: Math.max(0, ...run.metrics.map(({ step }) => step)),
  training_seconds: run.metrics.reduce((total, metrics) => total + (metrics['step_time'] ?? 0), 0),
  environment: run.environment,
  splits: Object.fromEntries(
    splitsOf(run).flatMap((split) => {
      const found = beforeAfter(run, split)
      if (found === null) return []
      const { before, after, difference } = found
      return [[split, { rows: after.count, before: rate(before), after: rate(after), difference }]]
    }),
  ),
})

/** What `durian report --summary` writes: the figures of the page as JSON, for tables and texts that are made and not typed. */
export const reportSummary = (runs: ReadonlyArray<Run>): ReportSummary => {
  const [first, ...others] = runs
  const final = (run: Run) =>
    run.evaluations
      .filter(({ split }) => split === 'test')
      .toSorted((a, b) => a.step - b.step)
      .at(-1)
  const reference = first === undefined ? undefined : final(first)
  return {
    runs: runs.map(runSummary),
    against_first: others.flatMap((run) => {
      const last = final(run)
      if (
        first === undefined ||
        reference === undefined ||
        last === undefined ||
        last.correct.length !== reference.correct.length
      )
        return []
      return [
        {
          name: run.name,
          first: first.name,
          difference: pairedDifference(reference.correct, last.correct, { seed: first.config.seed }),
        },
      ]
    }),
  }
}

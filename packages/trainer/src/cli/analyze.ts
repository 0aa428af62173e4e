import { groupKinds, type GroupKind } from '@durian/core'
import { type Command, Option } from 'commander'
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import {
  analyse,
  compared,
  gradientKinds,
  totals,
  withGradient,
  type StepAnalysis,
  type Totals,
} from '../report/analysis.ts'
import type { TrainError } from '../errors.ts'
import { readSource } from './analyzeSource.ts'
import { onErrorChoices, type OnError } from './jsonRows.ts'
import { printing, runCommand } from './runCommand.ts'
import { textTable } from './textTable.ts'

const words: Readonly<Record<GroupKind, string>> = {
  all_right: 'all right',
  all_wrong: 'all wrong',
  constant_other: 'equal rewards',
  shaping_only: 'format only',
  one_wrong: 'one wrong',
  one_right: 'one right',
  mixed: 'mixed',
  unscored: 'unscored',
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** The first, the last and evenly spaced steps between. */
const some = <A>(items: ReadonlyArray<A>, count: number): ReadonlyArray<A> =>
  items.length <= count
    ? items
    : Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!)

/** The paper's table 4, and below it who would move the update under each estimator. */
export const analysisText = (steps: ReadonlyArray<StepAnalysis>): string => {
  const all = totals(steps)
  const kinds = groupKinds.filter((kind) => all.counts[kind] > 0)
  const counts = (
    label: string | number,
    one: Pick<StepAnalysis, 'groups' | 'counts'>,
  ): ReadonlyArray<string | number> => [label, one.groups, withGradient(one), ...kinds.map((kind) => one.counts[kind])]
  const moving = gradientKinds.filter((kind) => all.counts[kind] > 0)
  return [
    'Groups (one prompt with its rollouts), by step',
    textTable([
      ['step', 'prompts', 'with gradient', ...kinds.map((kind) => words[kind])],
      ...some(steps, 8).map((step) => counts(step.step, step)),
      ...(steps.length > 1 ? [counts('all', all)] : []),
    ]),
    '',
    ...(all.withGradient === 0
      ? ['No group had rollouts of different reward, so no estimator would move the policy.']
      : [
          'Share of the update (sum of |advantage|) by kind of group, mean over steps',
          textTable([
            ['', ...moving.map((kind) => words[kind]), 'effective prompts'],
            [
              'share of groups',
              ...moving.map((kind) => percent(all.withGradient === 0 ? 0 : all.counts[kind] / all.withGradient)),
              '',
            ],
            ...compared.map((name) => [
              name,
              ...moving.map((kind) => percent(all.mass[name][kind])),
              percent(all.effectiveShare[name]),
            ]),
          ]),
        ]),
  ].join('\n')
}

const totalsJson = ({ groups, withGradient: moving, counts, mass, effectiveShare }: Totals): object => ({
  groups,
  with_gradient: moving,
  counts,
  mass,
  effective_share: effectiveShare,
})

/** The same as JSON: totals, and every step without its advantages. */
export const analysisJson = (source: string, steps: ReadonlyArray<StepAnalysis>): string =>
  JSON.stringify({
    source,
    totals: totalsJson(totals(steps)),
    steps: steps.map(({ step, groups, counts, histograms, zeroVariance, estimators }) => ({
      step,
      groups,
      with_gradient: withGradient({ counts }),
      zero_variance: zeroVariance,
      counts,
      histograms,
      mass: Object.fromEntries(compared.map((name) => [name, estimators[name].mass])),
      effective_share: Object.fromEntries(compared.map((name) => [name, estimators[name].effectiveShare])),
    })),
  })

interface AnalyzeFlags {
  readonly json?: boolean
  readonly on_error: OnError
}

const analyze = (
  source: string,
  { json = false, on_error: onError }: AnalyzeFlags,
): TE.TaskEither<TrainError, string> =>
  pipe(
    readSource(source, { onError }),
    TE.map(({ batches, options }) => batches.map(analyse(options))),
    TE.map((steps) => (json ? analysisJson(source, steps) : analysisText(steps))),
  )

/** Adds `durian analyze`. */
export const registerAnalyze = (program: Command): void => {
  program
    .command('analyze')
    .summary('group statistics of a run, and who dominates the update under each estimator')
    .description(
      "Counts what the groups of a run look like (the paper's table 4), and what share of the update each kind would have under each estimator.",
    )
    .argument('<run or rollouts>', 'run folder, completions.jsonl, or JSON lines as durian advantages reads them')
    .option('--json', 'print JSON instead of tables')
    .addOption(
      new Option('--on_error <what>', 'at a bad row of rollouts: stop, or leave it out and count it on stderr')
        .choices(onErrorChoices)
        .default('fail'),
    )
    .action((source: string, flags: AnalyzeFlags) => runCommand(printing(analyze(source, flags))))
}

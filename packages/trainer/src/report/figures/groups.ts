import { groupKinds, type GroupKind } from '@durian/core'
import { gradientKinds, totals, withGradient, type StepAnalysis } from '../analysis.ts'
import { chart, half, Plot, stepAxis } from '../chart.ts'
import { figure, table } from '../figure.ts'
import type { Html } from '../html.ts'
import { kindKeys, kindOrder, runColour } from '../palette.ts'
import type { Run } from '../readRun.ts'
import { series, type Point } from '../series.ts'
import { percent } from '../words.ts'
import { runKeys } from './learning.ts'

/** Shares of the kinds of groups over the steps. */
export const kindsFigure = (run: Run): Html | null => {
  const shares = kindOrder.map((kind) => ({ kind, points: series(run, `durian/groups/${kind}`) }))
  const present = shares.filter(({ points }) => points.some(({ value }) => value > 0))
  if (present.length === 0 || present[0]!.points.length < 2) return null
  const rows = present.flatMap(({ kind, points }) => points.map((point) => ({ ...point, kind })))
  const last = (kind: GroupKind): string =>
    percent(present.find((one) => one.kind === kind)?.points.at(-1)?.value ?? 0, 0)
  return figure({
    title: 'What the groups look like',
    says: 'A group is one prompt with its rollouts. Pale groups have one reward for all rollouts and teach nothing; strong colours carry the gradient.',
    legend: present.map(({ kind }) => kindKeys[kind]),
    body: chart({
      label: `At the last step: ${present.map(({ kind }) => `${kindKeys[kind].label} ${last(kind)}`).join(', ')}`,
      height: 250,
      x: stepAxis(8),
      y: { label: 'share of groups, %', percent: true, grid: true },
      marks: [
        Plot.areaY(
          rows,
          Plot.stackY(
            { order: [...kindOrder], offset: 'normalize' },
            { x: 'step', y: 'value', z: 'kind', fill: (d: { kind: GroupKind }) => kindKeys[d.kind].colour },
          ),
        ),
        Plot.ruleY([0]),
      ],
    }),
  })
}

/** Share of all-but-one groups among those with a gradient, from the logged shares. */
export const lopsided = (run: Run): ReadonlyArray<Point> => {
  const of = (kind: GroupKind): ReadonlyMap<number, number> =>
    new Map(series(run, `durian/groups/${kind}`).map(({ step, value }) => [step, value]))
  const byKind = new Map(gradientKinds.map((kind) => [kind, of(kind)]))
  return [...(byKind.get('mixed')?.keys() ?? [])].flatMap((step) => {
    const value = (kind: GroupKind): number => byKind.get(kind)?.get(step) ?? 0
    const all = gradientKinds.reduce((total, kind) => total + value(kind), 0)
    return all === 0 ? [] : [{ step, value: (value('one_wrong') + value('one_right')) / all }]
  })
}

interface ShareFigure {
  readonly title: string
  readonly says: string
  readonly unit: string
  readonly points: (run: Run) => ReadonlyArray<Point>
}

const shareFigure = (runs: ReadonlyArray<Run>, { title, says, unit, points }: ShareFigure): Html | null => {
  const curves = runs.map(points)
  if (curves.every((curve) => curve.length < 2)) return null
  return figure({
    wide: 'half',
    title,
    says,
    legend: runKeys(runs),
    body: chart({
      ...half,
      label: `${title}: last value ${curves.map((curve) => percent(curve.at(-1)?.value ?? 0, 0)).join(', ')}`,
      x: stepAxis(6),
      y: { label: unit, percent: true, domain: [0, 100], grid: true, ticks: 5 },
      marks: curves.map((curve, i) =>
        Plot.lineY(curve, { x: 'step', y: 'value', stroke: runColour(i), strokeWidth: 1.8 }),
      ),
    }),
  })
}

export const zeroVarianceFigure = (runs: ReadonlyArray<Run>): Html | null =>
  shareFigure(runs, {
    title: 'Groups that teach nothing',
    says: 'Share of prompts whose rollouts all got one reward. The paper saw 35 to 46 %.',
    unit: 'share of groups, %',
    points: (run) => series(run, 'frac_reward_zero_std'),
  })

export const lopsidedFigure = (runs: ReadonlyArray<Run>): Html | null =>
  shareFigure(runs, {
    title: 'All but one agree',
    says: 'Of the groups with a gradient, those in which a single rollout is right or wrong (7:1 for eight rollouts). The paper saw 31 to 44 %.',
    unit: 'share of groups with a gradient, %',
    points: lopsided,
  })

/** At most `count` of the steps, the first and the last among them. */
export const spread = <A>(items: ReadonlyArray<A>, count: number): ReadonlyArray<A> =>
  items.length <= count
    ? items
    : Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!)

/** The paper's table 4 for this run. */
export const groupTable = (steps: ReadonlyArray<StepAnalysis>): Html | null => {
  if (steps.length === 0) return null
  const kinds = groupKinds.filter((kind) => steps.some(({ counts }) => counts[kind] > 0))
  const all = totals(steps)
  const row = (
    label: string | number,
    one: Pick<StepAnalysis, 'groups' | 'counts'>,
  ): ReadonlyArray<string | number> => [label, one.groups, withGradient(one), ...kinds.map((kind) => one.counts[kind])]
  return figure({
    title: 'Counts',
    says: 'Prompts of some steps by what their rollouts look like, counted from completions.jsonl (the paper’s table 4).',
    body: table({
      head: ['step', 'prompts', 'with a gradient', ...kinds.map((kind) => kindKeys[kind].label)],
      rows: [...spread(steps, 8).map((step) => row(step.step, step)), row('all steps', all)],
    }),
  })
}

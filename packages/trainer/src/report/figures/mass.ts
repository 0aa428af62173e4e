import type { GroupKind } from '@durian/core'
import { compared, gradientKinds, totals, type Compared, type StepAnalysis } from '../analysis.ts'
import { chart, Plot } from '../chart.ts'
import { figure } from '../figure.ts'
import type { Html } from '../html.ts'
import { estimatorKeys, kindKeys, kindOrder } from '../palette.ts'
import { percent } from '../words.ts'

/** Whose advantages fill the update, under each estimator, beside how many such groups there are. */
export const massFigure = (steps: ReadonlyArray<StepAnalysis>): Html | null => {
  const all = totals(steps)
  if (all.withGradient === 0) return null
  const kinds = kindOrder.filter((kind) => gradientKinds.includes(kind) && all.counts[kind] > 0)
  const groups = 'their number'
  const rows = kinds.flatMap((kind) => [
    { bar: groups, kind, share: all.counts[kind] / all.withGradient },
    ...compared.map((name) => ({ bar: estimatorKeys[name].label, kind, share: all.mass[name][kind] })),
  ])
  const bars = [groups, ...compared.map((name) => estimatorKeys[name].label)]
  const stack = Plot.stackX({ order: [...kinds], x: 'share', y: 'bar', z: 'kind' })
  return figure({
    title: 'Who moves the update',
    says:
      'The first bar counts the groups with a gradient; the others show what part of the update (sum of absolute advantages) each kind would get under ' +
      'each estimator, from the rewards of this run. A piece longer than in the first bar pulls harder than its number.',
    legend: kinds.map((kind) => kindKeys[kind]),
    body: chart({
      height: 230,
      marginLeft: 92,
      marginTop: 8,
      label: rows.map(({ bar, kind, share }) => `${bar}, ${kindKeys[kind].label}: ${percent(share, 0)}`).join('; '),
      x: { label: 'share, %', percent: true, domain: [0, 100], ticks: 6 },
      y: { label: null, domain: bars, padding: 0.22 },
      marks: [
        Plot.barX(rows, {
          ...stack,
          fill: (d: { kind: GroupKind }) => kindKeys[d.kind].colour,
          stroke: 'var(--paper)',
        }),
        Plot.text(rows, {
          ...stack,
          text: (d: { share: number }) => (d.share < 0.05 ? '' : (100 * d.share).toFixed(0)),
          fill: 'var(--on-kind)',
          fontWeight: 600,
        }),
      ],
    }),
  })
}

const LIMIT = 4
const BINS = 40

/** Advantages of an estimator in units of their own root mean square, those of groups without a gradient left out. */
export const scaledAdvantages = (steps: ReadonlyArray<StepAnalysis>, name: Compared): ReadonlyArray<number> => {
  const values = steps.flatMap(({ estimators, kinds }) =>
    estimators[name].advantages.flatMap((group, s) =>
      gradientKinds.includes(kinds[s]!) ? group.filter((advantage) => advantage !== null) : [],
    ),
  )
  const size = Math.sqrt(values.reduce((total, value) => total + value * value, 0) / Math.max(1, values.length))
  return size === 0 ? [] : values.map((value) => value / size)
}

/** Shares per bin over [-LIMIT, LIMIT]; what lies outside counts in the last bins. */
const histogram = (
  values: ReadonlyArray<number>,
): ReadonlyArray<{ readonly from: number; readonly to: number; readonly share: number }> => {
  const width = (2 * LIMIT) / BINS
  const counts = new Array<number>(BINS).fill(0)
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor((value + LIMIT) / width)))
    counts[bin]!++
  }
  return counts.map((count, i) => ({
    from: -LIMIT + i * width,
    to: -LIMIT + (i + 1) * width,
    share: count / values.length,
  }))
}

/** Distribution of advantages under each estimator. */
export const advantagesFigure = (steps: ReadonlyArray<StepAnalysis>): Html | null => {
  const views = compared.map((name) => ({ name, values: scaledAdvantages(steps, name) }))
  if (views.some(({ values }) => values.length === 0)) return null
  const far = (values: ReadonlyArray<number>): number =>
    values.filter((value) => Math.abs(value) > 2).length / values.length
  const rows = views.flatMap(({ name, values }) =>
    histogram(values)
      .filter(({ share }) => share > 0)
      .map((bin) => ({ ...bin, name, estimator: estimatorKeys[name].label })),
  )
  const notes = views.map(({ name, values }) => ({
    estimator: estimatorKeys[name].label,
    text: `${percent(far(values))} beyond ±2`,
  }))
  return figure({
    title: 'Advantages under each estimator',
    says:
      'The same rewards through four estimators, in units of each one’s root mean square (AdamW takes a common factor out anyway). ' +
      'Far from 0 are the rollouts that move the policy most.',
    body: chart({
      height: 330,
      marginLeft: 84,
      label: notes.map(({ estimator, text }) => `${estimator}: ${text}`).join('; '),
      x: { label: 'advantage / root mean square', domain: [-LIMIT, LIMIT], ticks: 9 },
      y: { axis: null },
      fy: { label: null, domain: compared.map((name) => estimatorKeys[name].label), padding: 0.15 },
      marks: [
        Plot.rectY(rows, {
          x1: 'from',
          x2: 'to',
          y: 'share',
          fy: 'estimator',
          fill: (d: { name: Compared }) => estimatorKeys[d.name].colour,
          inset: 0.5,
          title: (d: { from: number; to: number; share: number }) =>
            `${d.from.toFixed(1)} to ${d.to.toFixed(1)}: ${percent(d.share)}`,
        }),
        Plot.ruleY([0], { strokeOpacity: 0.4 }),
        Plot.text(notes, { fy: 'estimator', text: 'text', frameAnchor: 'top-left', dx: 6, dy: 4, fillOpacity: 0.75 }),
      ],
    }),
  })
}

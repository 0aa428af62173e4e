import { chart, Plot, third, roomAround, stepAxis } from '../chart.ts'
import { figure } from '../figure.ts'
import type { Html } from '../html.ts'
import { runColour } from '../palette.ts'
import type { Run } from '../readRun.ts'
import { series } from '../series.ts'
import { number } from '../words.ts'
import { runKeys } from './learning.ts'

interface Panel {
  readonly key: string
  readonly title: string
  readonly unit: string
  readonly says: string
  readonly scale?: 'log'
  /** Left out where it is 0 throughout: nothing to see. */
  readonly hideZero?: true
}

const panels: ReadonlyArray<Panel> = [
  {
    key: 'loss',
    title: 'Loss',
    unit: 'reward units',
    says: 'No measure of progress: on policy it is minus the mean advantage of the tokens, and only its gradient matters.',
  },
  {
    key: 'grad_norm',
    title: 'Gradient norm',
    unit: 'before clipping',
    says: 'Should be steady; a tenfold rise is a warning, 0 means nothing was learnt.',
  },
  {
    key: 'entropy',
    title: 'Token entropy',
    unit: 'nats',
    says: 'How open the next token is. A fall to 0 ends exploration.',
  },
  {
    key: 'reward_std',
    title: 'Spread within groups',
    unit: 'reward units',
    says: 'Mean std of the rewards of one prompt; it falls as answers become sure.',
  },
  {
    key: 'completions/mean_length',
    title: 'Completion length',
    unit: 'tokens',
    says: 'Mean over completions, end token included.',
  },
  {
    key: 'completions/clipped_ratio',
    title: 'Cut off by the limit',
    unit: 'share',
    says: 'Completions without an end token; above 0.1 raise max_completion_length.',
    hideZero: true,
  },
  {
    key: 'kl',
    title: 'KL to the start',
    unit: 'nats per token',
    says: 'How far the policy has moved from where it began.',
  },
  {
    key: 'clip_ratio/region_mean',
    title: 'Clipped tokens',
    unit: 'share',
    says: 'Tokens whose probability ratio left the clip range.',
    hideZero: true,
  },
  {
    key: 'sampling/sampling_logp_difference/max',
    title: 'Sampling against training',
    unit: 'nats, greatest of the step',
    says: 'Difference between log-probs while sampling and in the training pass; below 1e-4 they are one policy.',
    scale: 'log',
  },
  {
    key: 'perf/throughput',
    title: 'Throughput',
    unit: 'tokens per second',
    says: 'Prompt and completion tokens of a step over its time.',
  },
]

/** Small multiples of what tells a healthy run from a sick one. Panels without data are left out. */
export const healthFigures = (runs: ReadonlyArray<Run>): ReadonlyArray<Html> =>
  panels.flatMap(({ key, title, unit, says, scale, hideZero }) => {
    const curves = runs.map((run) => series(run, key).filter(({ value }) => scale !== 'log' || value > 0))
    const values = curves.flat().map(({ value }) => value)
    if (values.length < 2 || (hideZero === true && values.every((value) => value === 0))) return []
    return [
      figure({
        wide: 'third',
        title,
        says,
        legend: runKeys(runs),
        body: chart({
          ...third,
          label: `${title}: last value ${curves.map((curve) => (curve.length === 0 ? 'none' : number(curve.at(-1)!.value))).join(', ')}`,
          x: stepAxis(5),
          y: {
            label: unit,
            grid: true,
            nice: true,
            ticks: scale === 'log' ? 3 : 5,
            ...(scale === 'log' ? {} : roomAround(values)),
            ...(scale === 'log' ? { type: 'log', tickFormat: '.0e' } : {}),
          },
          marks: curves.map((curve, i) =>
            Plot.lineY(curve, { x: 'step', y: 'value', stroke: runColour(i), strokeWidth: 1.6 }),
          ),
        }),
      }),
    ]
  })

const phases: ReadonlyArray<readonly [key: string, label: string]> = [
  ['gen', 'sampling'],
  ['update_actor', 'update'],
  ['entropy', 'visual entropy'],
  ['old', 'old log-probs'],
  ['reward', 'rewards'],
  ['data', 'pictures and tokens'],
]

/** Where a step's time goes. */
export const timingFigure = (runs: ReadonlyArray<Run>): Html | null => {
  const rows = runs.flatMap((run) =>
    phases.flatMap(([key, label]) => {
      const values = series(run, `timing_s/${key}`).map(({ value }) => value)
      return values.length === 0
        ? []
        : [{ run: run.name, label, value: values.reduce((a, b) => a + b, 0) / values.length }]
    }),
  )
  if (rows.length === 0) return null
  const order = [...new Set(rows.map(({ label }) => label))]
  return figure({
    wide: 'third',
    title: 'Time of a step',
    says: 'Mean seconds of each part; parts that are not named are small.',
    legend: runKeys(runs),
    body: chart({
      ...third,
      height: Math.max(third.height, 50 + rows.length * 20),
      marginLeft: 116,
      marginRight: 40,
      label: rows.map(({ run, label, value }) => `${run} ${label} ${value.toFixed(2)} s`).join('; '),
      x: { label: 'seconds', grid: true, ticks: 4 },
      y: { label: null, domain: order },
      ...(runs.length > 1 ? { fy: { label: null, axis: null, domain: runs.map(({ name }) => name) } } : {}),
      marks: [
        Plot.barX(rows, {
          y: 'label',
          x: 'value',
          ...(runs.length > 1 ? { fy: 'run' } : {}),
          fill: (d: { run: string }) => runColour(runs.findIndex(({ name }) => name === d.run)),
          fillOpacity: 0.8,
        }),
        Plot.text(rows, {
          y: 'label',
          x: 'value',
          ...(runs.length > 1 ? { fy: 'run' } : {}),
          text: (d: { value: number }) => d.value.toFixed(2),
          dx: 4,
          textAnchor: 'start',
        }),
      ],
    }),
  })
}

import { chart, Plot, third, stepAxis } from '../chart.ts'
import { figure } from '../figure.ts'
import { html, type Html } from '../html.ts'
import { bucketKeys, ramp } from '../palette.ts'
import type { Run } from '../readRun.ts'
import { keysUnder, series } from '../series.ts'

interface BucketMetric {
  readonly metric: 'count' | 'std' | 'accuracy'
  readonly title: string
  readonly unit: string
  readonly says: string
}

const perceptual: ReadonlyArray<BucketMetric> = [
  {
    metric: 'count',
    title: 'Prompts by entropy',
    unit: 'prompts',
    says: 'A quarter of the batch is low, a quarter high; ties make a bucket larger.',
  },
  {
    metric: 'std',
    title: 'Shared std by entropy',
    unit: 'reward units',
    says: 'The divisor that all prompts of a bucket share.',
  },
  {
    metric: 'accuracy',
    title: 'Accuracy by entropy',
    unit: 'share right',
    says: 'If entropy means difficulty, high entropy is the lowest line.',
  },
]

/** The three perceptual buckets over the steps. */
export const perceptualFigures = (run: Run): ReadonlyArray<Html> =>
  perceptual.flatMap(({ metric, title, unit, says }) => {
    const curves = bucketKeys.map((_, b) => series(run, `durian/perceptual/bucket_${b}/${metric}`))
    if (curves.every((curve) => curve.length < 2)) return []
    return [
      figure({
        wide: 'third',
        title,
        says,
        legend: bucketKeys,
        body: chart({
          ...third,
          label: `${title}, last step: ${curves.map((curve, b) => `${bucketKeys[b]!.label} ${curve.at(-1)?.value.toFixed(2) ?? 'none'}`).join(', ')}`,
          x: stepAxis(5),
          y: { label: unit, grid: true, zero: true, ticks: 5 },
          marks: curves.map((curve, b) =>
            Plot.lineY(curve, { x: 'step', y: 'value', stroke: bucketKeys[b]!.colour, strokeWidth: 1.8 }),
          ),
        }),
      }),
    ]
  })

const reasoning: ReadonlyArray<BucketMetric> = [
  {
    metric: 'count',
    title: 'Prompts by confidence',
    unit: 'prompts',
    says: 'Occupancy of the confidence groups; equal scores share a group.',
  },
  {
    metric: 'std',
    title: 'Shared std by confidence',
    unit: 'reward units',
    says: 'The divisor of each confidence group. Where all rewards agree it is 0 and the group is skipped.',
  },
  {
    metric: 'accuracy',
    title: 'Accuracy by confidence',
    unit: 'share right',
    says: 'If confidence means ease, it grows from bottom to top.',
  },
]

/** Numbers of the confidence groups that were logged. */
const groupsOf = (run: Run): ReadonlyArray<number> =>
  keysUnder(run, 'durian/reasoning/bucket_')
    .flatMap((key) => {
      const match = /bucket_(\d+)\/count$/.exec(key)
      return match === null ? [] : [Number(match[1])]
    })
    .toSorted((a, b) => a - b)

/** The confidence groups over the steps, as heat maps: bottom = least confident. */
export const reasoningFigures = (run: Run): ReadonlyArray<Html> => {
  const groups = groupsOf(run)
  return reasoning.flatMap(({ metric, title, unit, says }) => {
    const cells = groups.flatMap((u) =>
      series(run, `durian/reasoning/bucket_${u}/${metric}`).map(({ step, value }) => ({ step, u, value })),
    )
    if (cells.length < 2) return []
    const values = cells.map(({ value }) => value)
    const low = Math.min(0, ...values)
    const high = metric === 'accuracy' ? 1 : Math.max(...values)
    return [
      figure({
        wide: 'third',
        title,
        says,
        body: [
          html`<p class="ramp">
            ${low.toFixed(metric === 'count' ? 0 : 1)}<i
              style="background:linear-gradient(to right,${ramp.join(',')})"
            ></i
            >${high.toFixed(metric === 'count' ? 0 : 2)} ${unit}
          </p>`,
          chart({
            ...third,
            height: 200,
            label: `${title} of ${groups.length} confidence groups over the steps, from ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`,
            x: stepAxis(5),
            y: { label: 'confidence group', ticks: Math.min(6, groups.length), tickFormat: 'd' },
            color: {
              type: 'linear',
              domain: [low, high === low ? low + 1 : high],
              range: [...ramp],
              interpolate: 'rgb',
            },
            marks: [
              Plot.rect(cells, {
                x1: (d: { step: number }) => d.step - 0.5,
                x2: (d: { step: number }) => d.step + 0.5,
                y1: (d: { u: number }) => d.u - 0.5,
                y2: (d: { u: number }) => d.u + 0.5,
                fill: 'value',
              }),
            ],
          }),
        ],
      }),
    ]
  })
}

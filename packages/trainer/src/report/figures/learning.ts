import { chart, half, Plot, roomAround, stepAxis } from '../chart.ts'
import { figure } from '../figure.ts'
import type { Html } from '../html.ts'
import { runColour, type Key } from '../palette.ts'
import type { Run } from '../readRun.ts'
import { series, smoothed } from '../series.ts'
import { percent } from '../words.ts'

export const runKeys = (runs: ReadonlyArray<Run>): ReadonlyArray<Key> =>
  runs.length < 2 ? [] : runs.map(({ name }, i) => ({ label: name, colour: runColour(i) }))

/** Greedy accuracy during training, with intervals. */
export const accuracyFigure = (runs: ReadonlyArray<Run>): Html | null => {
  const curves = runs.map((run) => {
    const split = run.evaluations.some((one) => one.split === 'validation') ? 'validation' : 'test'
    return run.evaluations
      .filter((one) => one.split === split)
      .toSorted((a, b) => a.step - b.step)
      .map(({ step, accuracy, interval, count }) => ({ step, accuracy, low: interval[0], high: interval[1], count }))
  })
  if (curves.every((curve) => curve.length < 2)) return null
  const rows = curves[0]?.[0]?.count ?? 0
  return figure({
    wide: 'half',
    title: 'Greedy accuracy',
    says: `Answers without chance on ${rows} rows kept apart from training. The band is the 95 % interval: differences inside it are noise.`,
    legend: runKeys(runs),
    body: chart({
      ...half,
      label: curves
        .map(
          (curve, i) =>
            `${runs[i]!.name}: ${curve.map(({ step, accuracy }) => `step ${step} ${percent(accuracy)}`).join(', ')}`,
        )
        .join('; '),
      x: stepAxis(6),
      y: {
        label: 'accuracy, %',
        percent: true,
        grid: true,
        nice: true,
        domain: [0, 100 * Math.max(0.1, ...curves.flat().map(({ high }) => high))],
      },
      marks: curves.flatMap((curve, i) => [
        Plot.areaY(curve, {
          x: 'step',
          y1: 'low',
          y2: 'high',
          fill: runColour(i),
          fillOpacity: runs.length > 2 ? 0.1 : 0.18,
        }),
        Plot.lineY(curve, { x: 'step', y: 'accuracy', stroke: runColour(i), strokeWidth: 2.2 }),
        Plot.dot(curve, {
          x: 'step',
          y: 'accuracy',
          r: 3.2,
          fill: runColour(i),
          title: (d: (typeof curve)[number]) =>
            `step ${d.step}: ${percent(d.accuracy)} [${percent(d.low)}, ${percent(d.high)}]`,
        }),
      ]),
    }),
  })
}

/** Reward of the sampled rollouts, each step thin and their moving average thick. */
export const rewardFigure = (runs: ReadonlyArray<Run>): Html | null => {
  const curves = runs.map((run) => series(run, 'reward'))
  if (curves.every((curve) => curve.length < 2)) return null
  return figure({
    wide: 'half',
    title: 'Reward while sampling',
    says: 'Mean reward of the rollouts of each step (thin) and its average over nine steps (thick); prompts change from step to step, so single steps jump.',
    legend: runKeys(runs),
    body: chart({
      ...half,
      label: curves
        .map((curve, i) => `${runs[i]!.name}: from ${curve[0]?.value.toFixed(2)} to ${curve.at(-1)?.value.toFixed(2)}`)
        .join('; '),
      x: stepAxis(6),
      y: { label: 'reward', grid: true, nice: true, ...roomAround(curves.flat().map(({ value }) => value)) },
      marks: curves.flatMap((curve, i) => [
        Plot.lineY(curve, {
          x: 'step',
          y: 'value',
          stroke: runColour(i),
          strokeOpacity: runs.length > 2 ? 0.15 : 0.35,
          strokeWidth: 1,
        }),
        Plot.lineY(smoothed(curve, 9), { x: 'step', y: 'value', stroke: runColour(i), strokeWidth: 2.2 }),
      ]),
    }),
  })
}

/** The supervised cold start, where this run made one. */
export const coldStartFigure = (run: Run): Html | null => {
  if (run.coldStart.length < 2) return null
  const measured = run.coldStart.flatMap(({ step, sampled_accuracy }) =>
    sampled_accuracy === undefined ? [] : [{ step, value: sampled_accuracy }],
  )
  return figure({
    wide: 'half',
    title: 'Cold start',
    says:
      'Loss of the supervised steps before reinforcement learning' +
      (measured.length === 0
        ? '.'
        : `; its first part ended at a sampled accuracy of ${percent(measured.at(-1)!.value)}.`),
    body: chart({
      ...half,
      label: `Cold start loss from ${run.coldStart[0]!.loss.toFixed(2)} to ${run.coldStart.at(-1)!.loss.toFixed(2)}`,
      x: { label: 'supervised step', ticks: 6 },
      y: { label: 'nats per token', grid: true, zero: true },
      marks: [Plot.lineY(run.coldStart, { x: 'step', y: 'loss', stroke: runColour(0), strokeWidth: 1.6 })],
    }),
  })
}

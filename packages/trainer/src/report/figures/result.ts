import { pairedDifference, type Estimate } from '../../run/intervals.ts'
import type { Evaluation } from '../../run/records.ts'
import { chart, half, Plot } from '../chart.ts'
import { figure, table } from '../figure.ts'
import { html, type Html } from '../html.ts'
import type { Run } from '../readRun.ts'
import { differenceWords, percent } from '../words.ts'

/** First and last evaluation of a split. */
export interface BeforeAfter {
  readonly split: string
  readonly before: Evaluation
  readonly after: Evaluation
  /** Over the same rows; null when their number changed. */
  readonly difference: Estimate | null
}

/** Before and after for one split; null when it was not evaluated at two steps. */
export const beforeAfter = (run: Run, split: string): BeforeAfter | null => {
  const found = run.evaluations.filter((evaluation) => evaluation.split === split).toSorted((a, b) => a.step - b.step)
  const before = found[0]
  const after = found.at(-1)
  if (before === undefined || after === undefined || before.step === after.step) return null
  const paired = before.correct.length === after.correct.length && after.correct.length > 0
  return {
    split,
    before,
    after,
    difference: paired ? pairedDifference(before.correct, after.correct, { seed: run.config.seed }) : null,
  }
}

/** Splits of a run, test first. */
export const splitsOf = (run: Run): ReadonlyArray<string> =>
  [...new Set(run.evaluations.map(({ split }) => split))].toSorted(
    (a, b) => Number(b === 'test') - Number(a === 'test') || (a < b ? -1 : 1),
  )

const interval = (evaluation: Evaluation): string =>
  `${percent(evaluation.accuracy)} [${(100 * evaluation.interval[0]).toFixed(1)}, ${(100 * evaluation.interval[1]).toFixed(1)}]`

/** Accuracy of every split before and after, with intervals. */
export const resultTable = (run: Run): Html | null => {
  const rows = splitsOf(run).flatMap((split) => {
    const found = beforeAfter(run, split)
    return found === null
      ? []
      : [
          [
            split,
            found.after.count,
            `${interval(found.before)}`,
            `${interval(found.after)}`,
            found.difference === null ? 'not the same rows' : differenceWords(found.difference),
            `${percent(found.before.format, 0)} → ${percent(found.after.format, 0)}`,
            `${found.before.mean_length.toFixed(1)} → ${found.after.mean_length.toFixed(1)}`,
          ],
        ]
  })
  if (rows.length === 0) return null
  const reference = run.thinkingOnly
  if (reference !== null)
    rows.push([
      'reference: the cold start before it was taught short answers',
      reference.count,
      interval(reference),
      '',
      '',
      percent(reference.format, 0),
      reference.mean_length.toFixed(1),
    ])
  return figure({
    title: 'Accuracy before and after',
    says:
      'Greedy answers on rows that were never trained on. Brackets hold the 95 % bootstrap interval; the difference is ' +
      'taken row by row, so its interval is narrower than the two beside it.' +
      (reference === null
        ? ''
        : ' The last line is what the policy could do before its cold start was taught to answer without thinking: what lies above it is new.'),
    body: table({
      head: ['split', 'rows', 'before', 'after', 'difference', 'format', 'tokens'],
      rows,
    }),
  })
}

/** Accuracy by family of question before and after. */
export const familyFigure = (run: Run, wide: 'wide' | 'half'): Html | null => {
  const found = splitsOf(run)
    .map((split) => beforeAfter(run, split))
    .find((one) => one !== null)
  if (found === undefined || found === null || Object.keys(found.after.by).length < 2) return null
  const rows = Object.entries(found.after.by).map(([family, { accuracy, count }]) => ({
    family: `${family} (${count})`,
    after: accuracy,
    before: found.before.by[family]?.accuracy ?? NaN,
  }))
  return figure({
    wide,
    title: `By family, ${found.split} split`,
    says: 'Each line goes from the accuracy before training (hollow) to the accuracy after it (filled); the number of rows is in brackets.',
    body: chart({
      ...(wide === 'half' ? half : {}),
      height: 60 + 38 * rows.length,
      marginLeft: 96,
      label: rows.map(({ family, before, after }) => `${family}: ${percent(before)} to ${percent(after)}`).join('; '),
      x: { domain: [0, 100], percent: true, grid: true, label: 'accuracy, %', ticks: 6 },
      y: { label: null, domain: rows.map(({ family }) => family) },
      marks: [
        Plot.ruleY(rows, {
          y: 'family',
          x1: 'before',
          x2: 'after',
          stroke: 'var(--run-0)',
          strokeWidth: 3,
          strokeOpacity: 0.45,
        }),
        Plot.dot(rows, {
          y: 'family',
          x: 'before',
          r: 5,
          stroke: 'var(--run-0)',
          fill: 'var(--paper)',
          strokeWidth: 2,
        }),
        Plot.dot(rows, {
          y: 'family',
          x: 'after',
          r: 5.5,
          fill: 'var(--run-0)',
          title: (d: { family: string; before: number; after: number }) =>
            `${d.family}: ${percent(d.before)} → ${percent(d.after)}`,
        }),
      ],
    }),
  })
}

/** The file behind a split, as configured. */
const dataOf = ({ config }: Run, split: string): string | null =>
  split === 'test' ? config.test_dataset : config.validation_dataset

/** The end of several runs side by side, each against the first over the same rows. */
export const comparisonTable = (runs: ReadonlyArray<Run>): Html => {
  const final = (run: Run): Evaluation | undefined =>
    ['test', 'validation'].flatMap((split) => {
      const last = run.evaluations
        .filter((one) => one.split === split && one.step > 0)
        .toSorted((a, b) => a.step - b.step)
        .at(-1)
      return last === undefined ? [] : [last]
    })[0]
  const base = runs[0] === undefined ? undefined : final(runs[0])
  const rows = runs.map((run, i) => {
    const end = final(run)
    const before = end === undefined ? null : beforeAfter(run, end.split)
    const fair =
      i > 0 &&
      end !== undefined &&
      base !== undefined &&
      end.split === base.split &&
      end.correct.length === base.correct.length &&
      dataOf(run, end.split) === dataOf(runs[0]!, base.split)
    return [
      html`<span class="swatch" style="background:var(--run-${i % 6})"></span>${run.name}`,
      run.config.estimator,
      run.config.loss_type,
      run.config.seed,
      end?.step ?? run.metrics.at(-1)?.step ?? 0,
      end?.split ?? '–',
      before === null ? '–' : percent(before.before.accuracy),
      end === undefined ? '–' : interval(end),
      i === 0
        ? 'reference'
        : fair
          ? differenceWords(pairedDifference(base.correct, end.correct, { seed: run.config.seed }))
          : 'not the same rows',
    ]
  })
  return figure({
    title: 'The runs side by side',
    says:
      'Accuracy at the end of each run with its 95 % interval, and its difference to the first run over the same rows. An interval ' +
      'that holds 0 means that these rows cannot tell the two apart.',
    body: table({
      head: ['run', 'estimator', 'loss', 'seed', 'step', 'split', 'before', 'after', 'against the first'],
      rows,
      words: [0, 1, 2, 5],
    }),
  })
}

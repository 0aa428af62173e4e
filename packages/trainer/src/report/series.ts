import type { Run } from './readRun.ts'

export interface Point {
  readonly step: number
  readonly value: number
}

/** One metric over the steps; steps without it are left out. */
export const series = (run: Pick<Run, 'metrics'>, key: string): ReadonlyArray<Point> =>
  run.metrics.flatMap((line) => {
    const value = (line as Readonly<Record<string, number | null>>)[key]
    return typeof value === 'number' ? [{ step: line.step, value }] : []
  })

/** Centred moving average; the window shrinks at both ends, so it starts and ends with the data. */
export const smoothed = (points: ReadonlyArray<Point>, window: number): ReadonlyArray<Point> =>
  points.map(({ step }, i) => {
    const reach = Math.min(Math.floor(window / 2), i, points.length - 1 - i)
    const part = points.slice(i - reach, i + reach + 1)
    return { step, value: part.reduce((total, { value }) => total + value, 0) / part.length }
  })

/** Keys of the metrics that begin with `prefix`, in the order of their appearance. */
export const keysUnder = (run: Pick<Run, 'metrics'>, prefix: string): ReadonlyArray<string> => [
  ...new Set(run.metrics.flatMap((line) => Object.keys(line).filter((key) => key.startsWith(prefix)))),
]

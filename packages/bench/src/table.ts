import type { Result } from './harness.ts'

const ms = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(4)
const rate = (value: number): string => value.toLocaleString('en-US', { maximumSignificantDigits: 4 })

/** Results as a table of text: our median and quartiles, the rate, and each peer's median with the ratio. */
export const table = (results: ReadonlyArray<Result>): string => {
  const head = ['suite', 'what', 'size', 'median ms', 'quartiles', 'rate', 'peers (ratio ours/theirs, of the fastest)']
  const rows = results.map(({ suite, name, size, timings, rate: work, ratios, fastestRatios }) => {
    const [ours, ...peers] = timings
    return [
      suite,
      name,
      size,
      ms(ours.median),
      `${ms(ours.low)} - ${ms(ours.high)}`,
      work === undefined ? '' : `${rate(work.value)} ${work.unit}`,
      peers
        .map(({ by, median }) => `${by} ${ms(median)} (${ratios[by]!.toFixed(2)}x, ${fastestRatios[by]!.toFixed(2)}x)`)
        .join(', '),
    ]
  })
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const line = (row: ReadonlyArray<string>): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

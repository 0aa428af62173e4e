import type { Estimate } from '../run/intervals.ts'

/** `61.4 %` */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** `+26.2` points, with a real minus sign. */
export const points = (difference: number): string =>
  `${difference < 0 ? '−' : '+'}${Math.abs(100 * difference).toFixed(1)}`

/** `+26.2 points [+21.9, +30.4]` */
export const differenceWords = ({ mean, interval }: Estimate): string =>
  `${points(mean)} points [${points(interval[0])}, ${points(interval[1])}]`

/** Four significant digits, without an exponent between 1e-4 and 1e6. */
export const number = (value: number): string => {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value)
  const size = Math.abs(value)
  return size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)))
}

export { duration } from '../run/duration.ts'

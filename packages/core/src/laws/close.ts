import type { Vec } from '../num/vec.ts'
import type { Shape } from '../ops/shape.ts'
import type { Tolerance } from './law.ts'

interface Numbers {
  readonly shape: Shape
  readonly data: Vec
}

/** NaN agrees with NaN alone, an infinity with itself alone. */
const agrees = (actual: number, expected: number, { atol, rtol }: Tolerance): boolean =>
  Object.is(actual, expected) ||
  actual === expected ||
  (Number.isFinite(expected) && Math.abs(actual - expected) <= atol + rtol * Math.abs(expected))

/**
 * Throws unless every number agrees: |actual - expected| <= atol + rtol |expected|.
 * The message names the worst index, both numbers, the error and what was allowed.
 */
export const expectClose = (what: string, actual: Numbers, expected: Numbers, tolerance: Tolerance): void => {
  if (actual.shape.join() !== expected.shape.join() || actual.data.length !== expected.data.length) {
    throw new Error(
      `${what}: shape [${actual.shape}] with ${actual.data.length} numbers, expected [${expected.shape}] with ${expected.data.length}`,
    )
  }
  let worst = -1
  let worstExcess = -Infinity
  let wrong = 0
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i]!, expected.data[i]!]
    if (agrees(a, e, tolerance)) continue
    wrong++
    const excess = Math.abs(a - e) / (tolerance.atol + tolerance.rtol * Math.abs(e))
    if (worst < 0 || excess > worstExcess || Number.isNaN(excess)) [worst, worstExcess] = [i, excess]
  }
  if (worst < 0) return
  const [a, e] = [actual.data[worst]!, expected.data[worst]!]
  const allowed = tolerance.atol + tolerance.rtol * Math.abs(e)
  throw new Error(
    `${what}: at index ${worst} of [${expected.shape}] got ${a}, expected ${e}: error ${Math.abs(a - e)} where ${allowed} is allowed (${wrong} of ${expected.data.length} numbers are wrong)`,
  )
}

import type { Backend } from '../port/backend.ts'

/** One sentence a backend must make true. No test runner: `check` resolves or rejects, wherever it runs. */
export interface Law {
  readonly name: string
  readonly check: () => Promise<void>
}

/** |actual - expected| <= atol + rtol |expected|. */
export interface Tolerance {
  readonly atol: number
  readonly rtol: number
}

/** The backend under test, how exact it is, and how much to try. */
export interface Subject<T> {
  readonly backend: Backend<T>
  readonly tolerance: Tolerance
  /** Tolerance of gradients; the values' own where it is left out. */
  readonly gradientTolerance?: Tolerance
  /** The nearest number that an operand of the backend's products holds exactly, so that input rounding is not blamed; default every number. */
  readonly held?: (x: number) => number
  /** Seed of every random input: a law that fails once fails always. */
  readonly seed: number
  /** Random inputs a law. */
  readonly runs: number
}

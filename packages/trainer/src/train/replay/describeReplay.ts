import type { Backend, BackendError } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, it } from 'vitest'
import type { Tolerance } from '@durian/core/laws'
import { replayLaw } from './testing.ts'

interface Replayed<T> {
  /** The backend as people call it. */
  readonly name: string
  readonly opened: E.Either<BackendError, { readonly backend: Backend<T> }>
  /** The environment variable that turns a backend that is not here from a skip into a failure; left out where it must be here. */
  readonly requiredBy?: `DURIAN_REQUIRE_${string}`
  /** Default: float32 with sums in other orders. */
  readonly tolerance?: Tolerance
}

/**
 * Recorded with WASM; every number was within 1e-5 relative on WebGPU (SwiftShader), so 1e-4 is room for other orders of summation and still
 * far below what a wrong kernel does.
 */
const FLOAT32: Tolerance = { atol: 1e-5, rtol: 1e-4 }

/** The recorded run on one backend. */
export const describeReplay = <T>({ name, opened, requiredBy, tolerance = FLOAT32 }: Replayed<T>): void => {
  describe(`recorded rollouts on ${name}`, () => {
    if (E.isRight(opened)) {
      const law = replayLaw(opened.right.backend, tolerance)
      it(`law: ${law.name}`, law.check)
      return
    }
    const { reason } = opened.left
    if (requiredBy === undefined || process.env[requiredBy] === '1') {
      it(`law: ${name} is here`, () => {
        throw new Error(reason)
      })
    } else {
      console.log(`skipped: recorded rollouts on ${name}, because ${reason}`)
      it.skip(`law: recorded rollouts on ${name} (skipped: ${reason})`, () => undefined)
    }
  })
}

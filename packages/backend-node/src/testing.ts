import type { Tensor } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import { allLaws, withGaps } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, it } from 'vitest'
import { gaps } from './gaps.ts'
import { tolerances } from './tolerances.ts'
import { openNodeBackend } from './withNodeBackend.ts'

interface LawOptions {
  /** Random inputs a law. */
  readonly runs: number
  /** Further tests on the backend, before the laws. */
  readonly body: (backend: Backend<Tensor>) => void
}

/**
 * The laws on TensorFlow. Where it is not installed the block is one skipped test that says why; with DURIAN_REQUIRE_TENSORFLOW=1 it fails.
 * One call a test file: tfjs's engine is global, and a file is a process of its own.
 */
export const describeOnTensorFlow = async (name: string, { runs, body }: LawOptions): Promise<void> => {
  const opened = await openNodeBackend({ prefer: 'tensorflow' })()
  describe(name, () => {
    if (E.isLeft(opened)) {
      const { reason } = opened.left
      if (process.env['DURIAN_REQUIRE_TENSORFLOW'] === '1') {
        it('law: TensorFlow is here, as DURIAN_REQUIRE_TENSORFLOW=1 asks', () => {
          throw new Error(reason)
        })
      } else {
        console.log(`skipped: the laws on TensorFlow, because ${reason}`)
        it.skip(`law: TensorFlow obeys the laws (skipped: ${reason})`, () => undefined)
      }
      return
    }
    const { backend } = opened.right
    body(backend)
    const { values, gradients } = tolerances.tensorflow
    const subject = { backend, tolerance: values, gradientTolerance: gradients, seed: 7, runs }
    for (const law of withGaps(allLaws(subject), gaps.tensorflow)) it(`law: ${law.name}`, law.check)
  })
}

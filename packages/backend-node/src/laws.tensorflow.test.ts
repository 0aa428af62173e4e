import { allLaws, withGaps } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, it } from 'vitest'
import { gaps } from './gaps.ts'
import { tolerances } from './tolerances.ts'
import { openNodeBackend } from './withNodeBackend.ts'

// a file of its own, so a process of its own: tfjs's engine is global
const opened = await openNodeBackend({ prefer: 'tensorflow' })()

describe('tensorflow', () => {
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
  it('law: it computes with our kernels where the machine has a compiler', (context) => {
    if (backend.info.description.includes('own kernels')) return
    if (process.env['DURIAN_REQUIRE_TENSORFLOW'] === '1') throw new Error(`${backend.info.description}: no own kernels`)
    context.skip('`durian setup tensorflow` has not compiled our kernels here')
  })
  const { values, gradients } = tolerances.tensorflow
  const subject = {
    backend,
    tolerance: values,
    gradientTolerance: gradients,
    seed: 7,
    runs: 25,
  }
  for (const law of withGaps(allLaws(subject), gaps.tensorflow)) it(`law: ${law.name}`, law.check)
})

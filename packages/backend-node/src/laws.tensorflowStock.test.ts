import { allLaws, withGaps } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { gaps } from './gaps.ts'
import { tolerances } from './tolerances.ts'
import { openNodeBackend } from './withNodeBackend.ts'

// what computes where there is no compiler; a file of its own, so a process of its own: tfjs's engine is global
process.env['DURIAN_TENSORFLOW_KERNELS'] = 'stock'
const opened = await openNodeBackend({ prefer: 'tensorflow' })()

describe('tensorflow without our kernels', () => {
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
  it('says which kernels it has', () => {
    expect(backend.info.description).toContain('stock kernels')
  })
  const { values, gradients } = tolerances.tensorflow
  const subject = {
    backend,
    tolerance: values,
    gradientTolerance: gradients,
    seed: 7,
    runs: 10,
  }
  for (const law of withGaps(allLaws(subject), gaps.tensorflow)) it(`law: ${law.name}`, law.check)
})

import { allLaws, withGaps } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, it } from 'vitest'
import { gaps } from './gaps.ts'
import { tolerances } from './tolerances.ts'
import { openNodeBackend } from './withNodeBackend.ts'

const opened = await openNodeBackend({ prefer: 'wasm' })()
if (E.isLeft(opened)) throw new Error(opened.left.reason)

describe('wasm', () => {
  const { values, gradients } = tolerances.wasm
  const subject = {
    backend: opened.right.backend,
    tolerance: values,
    gradientTolerance: gradients,
    seed: 7,
    runs: 25,
  }
  for (const law of withGaps(allLaws(subject), gaps.wasm)) it(`law: ${law.name}`, law.check)
})

import { allLaws, withGaps } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, it } from 'vitest'
import { gaps } from './gaps.ts'
import { openWebGpuBackend } from './index.ts'
import { tolerances } from './tolerances.ts'

const opened = await openWebGpuBackend({ device: 'software' })()
if (E.isLeft(opened)) throw new Error(opened.left.reason)

describe('webgpu', () => {
  const subject = {
    backend: opened.right.backend,
    tolerance: tolerances.values,
    gradientTolerance: tolerances.gradients,
    seed: 7,
    runs: Number(process.env['RUNS'] ?? 5),
  }
  for (const law of withGaps(allLaws(subject), gaps)) it(`law: ${law.name}`, law.check)
})

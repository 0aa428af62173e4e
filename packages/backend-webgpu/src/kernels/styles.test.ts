import { allLaws, withGaps } from '@durian/core/laws'
import { it } from 'vitest'
import { gaps } from '../gaps.ts'
import { describeOnWebGpu } from '../testing.ts'
import { tolerances } from '../tolerances.ts'

/** Laws that meet a kernel with two ways of being written; the others cannot differ. */
const DIFFERENT = /fused|matmul|softmax|LogSoftmax|: sum|rmsNorm|memory: a training|NaN/i

await describeOnWebGpu('kernels for GPUs with shared memory', (_, { kernels }) => {
  const subject = {
    backend: kernels.use('shared-memory'),
    tolerance: tolerances.values,
    gradientTolerance: tolerances.gradients,
    seed: 11,
    runs: 3,
  }
  for (const law of withGaps(allLaws(subject), gaps)) {
    if (DIFFERENT.test(law.name)) it(`law: ${law.name}`, law.check)
  }
})

import { bindingLaws } from '@durian/backend-tfjs/laws'
import { allLaws, withGaps } from '@durian/core/laws'
import { it } from 'vitest'
import { gaps } from './gaps.ts'
import { describeOnWebGpu } from './testing.ts'
import { tolerances } from './tolerances.ts'

await describeOnWebGpu('the laws on WebGPU', (backend) => {
  const subject = {
    backend,
    tolerance: tolerances.values,
    gradientTolerance: tolerances.gradients,
    seed: 7,
    // 25 elsewhere; a software adapter compiles a shader for each new combination of ranks, which is most of the time
    runs: 6,
  }
  for (const law of withGaps(allLaws(subject), gaps)) it(`law: ${law.name}`, law.check)
  for (const law of bindingLaws(backend)) it(`law: ${law.name}`, law.check)
})

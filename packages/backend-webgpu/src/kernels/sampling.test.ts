import { drawLaws } from '@durian/core/laws'
import { it } from 'vitest'
import { describeOnWebGpu } from '../testing.ts'
import { tolerances } from '../tolerances.ts'

await describeOnWebGpu('drawing', (_, { kernels }) => {
  for (const choice of ['barrier-free', 'shared-memory'] as const)
    for (const law of drawLaws({
      backend: kernels.use('barrier-free'),
      tolerance: tolerances.values,
      seed: 1,
      runs: 30,
    }))
      it(`law: ${choice} ${law.name}`, async () => {
        kernels.use(choice)
        await law.check()
      })
})

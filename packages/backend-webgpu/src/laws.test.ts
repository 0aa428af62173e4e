import { it } from 'vitest'
import { webGpuLaws } from './laws.ts'
import { describeOnWebGpu } from './testing.ts'

await describeOnWebGpu('the laws on WebGPU', (backend) => {
  for (const law of webGpuLaws(backend)) it(`law: ${law.name}`, law.check)
})

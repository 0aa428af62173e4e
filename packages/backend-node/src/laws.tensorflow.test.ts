import { it } from 'vitest'
import { describeOnTensorFlow } from './testing.ts'

await describeOnTensorFlow('tensorflow', {
  runs: 25,
  body: (backend) => {
    it('law: it computes with our kernels where the machine has a compiler', (context) => {
      if (backend.info.description.includes('own kernels')) return
      if (process.env['DURIAN_REQUIRE_TENSORFLOW'] === '1')
        throw new Error(`${backend.info.description}: no own kernels`)
      context.skip('`durian setup tensorflow` has not compiled our kernels here')
    })
  },
})

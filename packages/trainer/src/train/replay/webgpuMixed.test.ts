import { openWebGpuBackend } from '@durian/backend-webgpu'
import { describeReplay } from './describeReplay.ts'

// a file of its own, so a process of its own: tfjs's engine is global
process.env['DURIAN_WEBGPU_ADAPTER'] ??= 'software'
const opened = await openWebGpuBackend({ precision: 'mixed' })()
describeReplay({
  name: 'WebGPU in mixed precision',
  opened,
  requiredBy: 'DURIAN_REQUIRE_WEBGPU',
  // Rounding moves the weights, and each update starts from them: at a learning rate of 1e-2 the gradient norm is off by 0.2 % at most in the
  // first ten batches and by 4.7 % in the last, the loss by 1e-3 (docs/webgpu.md).
  tolerance: { atol: 2e-3, rtol: 8e-2 },
})

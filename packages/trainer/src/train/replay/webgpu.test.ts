import { openWebGpuBackend } from '@durian/backend-webgpu'
import { describeReplay } from './describeReplay.ts'

// a file of its own, so a process of its own: tfjs's engine is global
process.env['DURIAN_WEBGPU_ADAPTER'] ??= 'software'
const opened = await openWebGpuBackend()()
describeReplay({ name: 'WebGPU', opened, requiredBy: 'DURIAN_REQUIRE_WEBGPU' })

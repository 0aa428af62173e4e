import { dawn } from './node.ts'
import { webGpuOf } from './withWebGpuBackend.ts'

/** WebGPU in Node, through Dawn. A bundler for browsers takes `index.browser.ts` instead, which offers the same names. */
export const { openWebGpuBackend, withWebGpuBackend, webGpuStatus } = webGpuOf(dawn)
export type { OpenedWebGpu, WebGpuBackendOptions, WebGpuStatus } from './withWebGpuBackend.ts'
export { probeWebGpu } from './probe.ts'
export type { WebGpuFacts } from './open.ts'
export type { Precision } from './kernels/kernel.ts'
export type { KernelChoice, Kernels, ProgramTime } from './kernels/choose.ts'
export type { AdapterNames, DeviceChoice } from './device/adapter.ts'
export { paperQuantities, type DeviceAdvantages, type DeviceSamples, type PaperQuantities } from '@durian/backend-tfjs'

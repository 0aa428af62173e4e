import { browser } from './browser.ts'
import { webGpuOf } from './withWebGpuBackend.ts'

/** WebGPU in the browser. */
export const { openWebGpuBackend, withWebGpuBackend, webGpuStatus } = webGpuOf(browser)
export type { OpenedWebGpu, WebGpuBackendOptions, WebGpuStatus } from './withWebGpuBackend.ts'
export type { WebGpuFacts } from './open.ts'
export type { Precision } from './kernels/kernel.ts'
export type { KernelChoice, Kernels, ProgramTime } from './kernels/choose.ts'
export type { AdapterNames, DeviceChoice } from './device/adapter.ts'
export { paperQuantities, type DeviceAdvantages, type DeviceSamples, type PaperQuantities } from '@durian/backend-tfjs'

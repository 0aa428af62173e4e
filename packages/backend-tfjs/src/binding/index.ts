export { paperQuantities, type PaperQuantities } from './bind.ts'
export type { DeviceAdvantages, DeviceSamples } from './advantages.ts'

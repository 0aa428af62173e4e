export {
  openNodeBackend,
  withNodeBackend,
  type NodeBackendOptions,
  type Opened,
  type PassedOver,
  type Preference,
} from './withNodeBackend.ts'
export { nodeBackends, type EngineStatus } from './nodeBackends.ts'
export { paperQuantities, type DeviceAdvantages, type DeviceSamples, type PaperQuantities } from '@durian/backend-tfjs'

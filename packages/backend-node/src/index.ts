export {
  openNodeBackend,
  withNodeBackend,
  type NodeBackendOptions,
  type Opened,
  type PassedOver,
  type Preference,
} from './withNodeBackend.ts'
export { engineNames, mendOf, nodeBackends, type EngineStatus } from './nodeBackends.ts'
export type { EngineFacts } from './engines.ts'
export { probeEngine } from './setup/probe.ts'
export type { SetupOptions } from './setup/job.ts'
export { removeTensorflow } from './setup/removeTensorflow.ts'
export { setupTensorflow, type SetupResult } from './setup/setupTensorflow.ts'
export { tensorflowHome, versions as tensorflowVersions, type Variant } from './setup/folder.ts'
export type { Profile, ProfileEntry } from '@durian/backend-tfjs'
export { paperQuantities, type DeviceAdvantages, type DeviceSamples, type PaperQuantities } from '@durian/backend-tfjs'

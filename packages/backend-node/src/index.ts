export {
  openNodeBackend,
  withNodeBackend,
  type NodeBackendOptions,
  type Opened,
  type PassedOver,
  type Preference,
} from './withNodeBackend.ts'

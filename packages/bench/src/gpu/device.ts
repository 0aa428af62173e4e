import { spawnSync } from 'node:child_process'
import { openWebGpuBackend, type OpenedWebGpu, type Precision } from '@durian/backend-webgpu'
import type { BackendError } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'

/** The machine's GPU; with `software` one that computes on the processor. A device that failed is opened anew. */
export const openGpu = ({
  software,
  precision,
}: {
  readonly software: boolean
  readonly precision: Precision
}): TE.TaskEither<BackendError, OpenedWebGpu> =>
  openWebGpuBackend({ precision, ...(software ? { device: 'software' } : {}) })

const limitNames = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies ReadonlyArray<keyof GPUSupportedLimits>

/** A device in a result file: names, driver, what it offers. */
export const deviceFacts = ({ adapter, facts, backend, device }: OpenedWebGpu) => ({
  name: adapter.device,
  vendor: adapter.vendor,
  architecture: adapter.architecture,
  driver: adapter.description,
  software: facts.software,
  libraries: backend.info.description,
  features: facts.features,
  limits: Object.fromEntries(limitNames.map((name) => [name, device.limits[name]])),
  nvidiaSmi: nvidiaSmi(),
})

const columns = ['name', 'driver_version', 'memory.total', 'clocks.max.sm', 'clocks.max.memory', 'power.limit'] as const

/** What NVIDIA's own tool says of the first GPU; null without it. */
const nvidiaSmi = (): Readonly<Record<string, string>> | null => {
  const { status, stdout } = spawnSync('nvidia-smi', [`--query-gpu=${columns.join(',')}`, '--format=csv,noheader'], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  if (status !== 0) return null
  const values = stdout
    .split('\n')[0]!
    .split(',')
    .map((value) => value.trim())
  return Object.fromEntries(columns.map((column, i) => [column, values[i] ?? '']))
}

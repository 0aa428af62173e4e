import { NoDevice } from './noDevice.ts'
import { adapterName, adapterNames, isSoftware, type AdapterNames, type SettledChoice } from './adapter.ts'

/** A device of our own, not tfjs's: it has every limit and feature that kernels can use. */
export interface OwnDevice {
  readonly device: GPUDevice
  readonly names: AdapterNames
  readonly software: boolean
}

/** What a kernel may want to know before it is chosen; asked for when the adapter offers it. */
const FEATURES = ['timestamp-query', 'subgroups', 'shader-f16'] as const

/** tfjs asks for six of them; a fused kernel with more than eight tensors needs the seventh. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxUniformBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies ReadonlyArray<keyof GPUSupportedLimits>

/**
 * Adapter and device, with the adapter's highest limits.
 *
 * @throws NoDevice when there is none of the kind that was asked for
 */
export const requestDevice = async (
  gpu: GPU,
  { device: kind, powerPreference, adapter: named }: SettledChoice,
  adapterMend: string,
): Promise<OwnDevice> => {
  const adapter = await gpu.requestAdapter({ powerPreference, forceFallbackAdapter: kind === 'software' })
  if (adapter === null) {
    const which = named === undefined ? '' : ` whose name has "${named}" in it`
    throw new NoDevice(`no WebGPU adapter${which} answers`, adapterMend)
  }
  const names = adapterNames((adapter as unknown as { readonly info: AdapterNames }).info)
  const software = isSoftware(names)
  if (software && kind === 'hardware') {
    throw new NoDevice(
      `the only WebGPU adapter here is ${adapterName(names)}, hundreds of times slower than a GPU`,
      'set DURIAN_WEBGPU_ADAPTER=software to use it all the same',
    )
  }
  const limits = adapter.limits as unknown as Readonly<Record<string, number>>
  const device = await adapter.requestDevice({
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
    // a browser may not know a limit yet
    requiredLimits: Object.fromEntries(
      LIMITS.filter((name) => limits[name] !== undefined).map((name) => [name, limits[name]!]),
    ),
  })
  return { device, names, software }
}

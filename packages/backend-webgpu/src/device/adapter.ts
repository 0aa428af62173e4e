/** Which device to compute on. */
export interface DeviceChoice {
  /** 'hardware' (the default) refuses an adapter that computes on the processor; 'software' takes such a one. */
  readonly device?: 'hardware' | 'software'
  /** Part of the adapter's name, where a machine has several; Node only, browsers choose by power alone. */
  readonly adapter?: string
  readonly powerPreference?: 'high-performance' | 'low-power'
}

/** With nothing left open but the adapter's name. */
export type SettledChoice = Required<Pick<DeviceChoice, 'device' | 'powerPreference'>> & Pick<DeviceChoice, 'adapter'>

/** What an adapter says of itself; browsers leave most of it empty. */
export interface AdapterNames {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  /** Absent in older browsers. */
  readonly isFallbackAdapter?: boolean
}

/** SwiftShader (Chromium), llvmpipe (Mesa) and WARP (Windows): they all compute on the processor. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|\bwarp\b/i

/** Does this adapter compute on the processor? */
export const isSoftware = ({ isFallbackAdapter, ...names }: AdapterNames): boolean =>
  isFallbackAdapter === true || SOFTWARE.test(textOf(names))

/** The adapter in words, a software one named as such. */
export const adapterName = (names: AdapterNames): string => {
  const { vendor, architecture, device, description } = names
  const known = [description || device, [vendor, architecture].filter(Boolean).join(' ')].find((text) => text !== '')
  return `${known ?? 'an adapter without a name'}${isSoftware(names) ? ' (software, computes on the processor)' : ''}`
}

/** Plain copy: an adapter's own object has getters on its prototype. */
export const adapterNames = (info: AdapterNames): AdapterNames => ({
  vendor: info.vendor,
  architecture: info.architecture,
  device: info.device,
  description: info.description,
  ...(info.isFallbackAdapter === undefined ? {} : { isFallbackAdapter: info.isFallbackAdapter }),
})

const textOf = ({ vendor, architecture, device, description }: AdapterNames): string =>
  [vendor, architecture, device, description].join(' ')

/**
 * The choice with what the environment adds where the caller left it open: DURIAN_WEBGPU_ADAPTER is `software` or part of an adapter's
 * name, DURIAN_WEBGPU_POWER is `high-performance` or `low-power`.
 *
 * @throws Error with a sentence when DURIAN_WEBGPU_POWER is neither
 */
export const choiceOf = (
  asked: DeviceChoice,
  environment: Readonly<Record<string, string | undefined>>,
): SettledChoice => {
  const named = environment['DURIAN_WEBGPU_ADAPTER'] || undefined
  const power = environment['DURIAN_WEBGPU_POWER'] || 'high-performance'
  if (power !== 'high-performance' && power !== 'low-power') {
    throw new Error(`DURIAN_WEBGPU_POWER is high-performance or low-power, not "${power}"`)
  }
  const adapter = asked.adapter ?? (named === 'software' ? undefined : named)
  return {
    device: asked.device ?? (named === 'software' ? 'software' : 'hardware'),
    powerPreference: asked.powerPreference ?? power,
    ...(adapter === undefined ? {} : { adapter }),
  }
}

import { describe, expect, it } from 'vitest'
import { adapterName, choiceOf, isSoftware } from './adapter.ts'

const names = (text: Partial<Parameters<typeof adapterName>[0]>) => ({
  vendor: '',
  architecture: '',
  device: '',
  description: '',
  ...text,
})
const swiftShader = names({ vendor: 'google', architecture: 'swiftshader', description: 'SwiftShader driver 5.0.0' })

describe('an adapter', () => {
  it('is software by its flag or by its name', () => {
    expect(isSoftware(names({ description: 'NVIDIA H200', isFallbackAdapter: false }))).toBe(false)
    expect(isSoftware(names({ isFallbackAdapter: true }))).toBe(true)
    expect(isSoftware(swiftShader)).toBe(true)
    expect(isSoftware(names({ description: 'llvmpipe (LLVM 15.0.6, 256 bits)' }))).toBe(true)
    expect(isSoftware(names({ description: 'Microsoft Basic Render Driver' }))).toBe(true)
  })

  it('is called by the most that is known, and software is named as such', () => {
    expect(adapterName(swiftShader)).toBe('SwiftShader driver 5.0.0 (software, computes on the processor)')
    expect(adapterName(names({ vendor: 'nvidia', architecture: 'hopper' }))).toBe('nvidia hopper')
    expect(adapterName(names({}))).toBe('an adapter without a name')
  })
})

describe('the choice of a device', () => {
  it('is the hardware of the highest power when nobody says otherwise', () => {
    expect(choiceOf({}, {})).toEqual({ device: 'hardware', powerPreference: 'high-performance' })
    expect(choiceOf({}, { DURIAN_WEBGPU_ADAPTER: '', DURIAN_WEBGPU_POWER: '' })).toEqual(choiceOf({}, {}))
  })

  it('comes from the environment where the caller leaves it open', () => {
    expect(choiceOf({}, { DURIAN_WEBGPU_ADAPTER: 'software' })).toEqual({
      device: 'software',
      powerPreference: 'high-performance',
    })
    expect(choiceOf({}, { DURIAN_WEBGPU_ADAPTER: 'radeon', DURIAN_WEBGPU_POWER: 'low-power' })).toEqual({
      device: 'hardware',
      adapter: 'radeon',
      powerPreference: 'low-power',
    })
    expect(choiceOf({ device: 'hardware' }, { DURIAN_WEBGPU_ADAPTER: 'software' }).device).toBe('hardware')
    expect(choiceOf({ adapter: 'arc' }, { DURIAN_WEBGPU_ADAPTER: 'radeon' }).adapter).toBe('arc')
  })

  it('refuses another power than the two', () => {
    expect(() => choiceOf({}, { DURIAN_WEBGPU_POWER: 'most' })).toThrow(
      'DURIAN_WEBGPU_POWER is high-performance or low-power, not "most"',
    )
  })
})

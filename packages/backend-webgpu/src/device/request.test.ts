import { describe, expect, it } from 'vitest'
import { requestDevice } from './request.ts'

interface Asked {
  adapter?: unknown
  device?: { readonly requiredFeatures: ReadonlyArray<string>; readonly requiredLimits: Record<string, number> }
}

/** A GPU that answers with one adapter, or with none, and notes what it was asked. */
const gpuWith = (info: Partial<Record<string, string | boolean>> | null, asked: Asked = {}): GPU =>
  ({
    requestAdapter: (options: unknown) => {
      asked.adapter = options
      if (info === null) return Promise.resolve(null)
      return Promise.resolve({
        info: { vendor: '', architecture: '', device: '', description: '', ...info },
        features: new Set(['shader-f16', 'timestamp-query', 'depth-clip-control']),
        limits: { maxBufferSize: 4096, maxStorageBuffersPerShaderStage: 12, maxTextureDimension1D: 1 },
        requestDevice: (descriptor: Asked['device']) => {
          asked.device = descriptor!
          return Promise.resolve('device')
        },
      })
    },
  }) as unknown as GPU

const hardware = { device: 'hardware', powerPreference: 'low-power' } as const

describe('the request of a device', () => {
  it('asks for the features kernels can use and the highest limits, and for nothing the adapter lacks', async () => {
    const asked: Asked = {}
    const own = await requestDevice(gpuWith({ description: 'a GPU' }, asked), hardware, 'a mend')
    expect(asked.adapter).toEqual({ powerPreference: 'low-power', forceFallbackAdapter: false })
    expect(asked.device).toEqual({
      requiredFeatures: ['timestamp-query', 'shader-f16'],
      requiredLimits: { maxBufferSize: 4096, maxStorageBuffersPerShaderStage: 12 },
    })
    expect(own.software).toBe(false)
  })

  it('refuses a software adapter nobody asked for, and says how to ask', async () => {
    const request = requestDevice(gpuWith({ description: 'SwiftShader' }), hardware, 'a mend')
    await expect(request).rejects.toMatchObject({
      message: expect.stringContaining('the only WebGPU adapter here is SwiftShader (software'),
      mend: expect.stringContaining('DURIAN_WEBGPU_ADAPTER=software'),
    })
  })

  it('takes one that was asked for, and says that it is one', async () => {
    const asked: Asked = {}
    const own = await requestDevice(
      gpuWith({ isFallbackAdapter: true }, asked),
      { ...hardware, device: 'software' },
      '',
    )
    expect(own.software).toBe(true)
    expect(asked.adapter).toMatchObject({ forceFallbackAdapter: true })
  })

  it('says that no adapter answers', async () => {
    await expect(requestDevice(gpuWith(null), hardware, 'a mend')).rejects.toMatchObject({
      message: 'no WebGPU adapter answers',
      mend: 'a mend',
    })
  })
})

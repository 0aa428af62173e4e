import type { HostTensor } from '@durian/core'
import { describe, expect, it } from 'vitest'
import type { Home } from './home.ts'
import { dawn } from './node.ts'
import { openDevice } from './open.ts'
import { webGpuStatus } from './index.ts'

/**
 * Where a device has `shader-f16`, numbers of 16 bits are WGSL's own. No software adapter has it, but Dawn's null backend does: it compiles
 * everything and computes nothing, so what is tested here is that every such program is valid, and not what it gives.
 */
const instances: GPU[] = []
const nothing: Home = {
  ...dawn,
  name: 'Dawn, null backend',
  gpu: async (choice) => {
    await dawn.gpu(choice)
    const { create } = (await import('webgpu')) as unknown as { create: (flags: ReadonlyArray<string>) => GPU }
    const gpu = create(['backend=null'])
    instances.push(gpu)
    return gpu
  },
}

const ones = (shape: ReadonlyArray<number>): HostTensor => ({
  shape,
  data: new Float32Array(shape.reduce((size, n) => size * n, 1)).fill(1),
})

const { available, reason } = await webGpuStatus({ device: 'software' })

describe.skipIf(!available && process.env['DURIAN_REQUIRE_WEBGPU'] !== '1')("numbers of 16 bits as WGSL's own", () => {
  it('law: every program of mixed precision compiles', async () => {
    if (!available) throw new Error(reason)
    const { kernels, facts } = await openDevice(nothing, {})
    expect(facts.features).toContain('shader-f16')
    const codes: string[] = []
    const tf = (await import('@tensorflow/tfjs')) as unknown as { backend: () => { readonly device: GPUDevice } }
    const { device } = tf.backend()
    const make = device.createShaderModule.bind(device)
    device.createShaderModule = (descriptor) => {
      codes.push(descriptor.code)
      return make(descriptor)
    }
    device.pushErrorScope('validation')
    for (const style of ['barrier-free', 'shared-memory'] as const) {
      const { ops, gradients, memory } = kernels.use(style, 'mixed')
      const fused = ops.fused as Required<NonNullable<typeof ops.fused>>
      const on = (...shape: ReadonlyArray<number>) => ops.fromHost(ones(shape))
      for (const width of [4, 6]) {
        const results = memory.scope(() => {
          const grads = [
            gradients.vjp(([x, w]) => fused.linear(fused.swiglu(x!, x!), fused.rmsNorm(w!, on(width), 1e-6)))(
              [on(8, width), on(8, width)],
              on(8, 8),
            ),
            gradients.vjp(([q, k, v, shared]) =>
              fused.attention(q!, { keys: k!, values: v!, shared: { keys: shared!, values: shared! } }),
            )([on(2, 3, width), on(2, 3, width), on(2, 3, width), on(1, 3, width)], on(2, 3, width)),
          ].map((pulled) => pulled.grads)
          const x = fused.narrowed(on(4, 3, width))
          const moves = [ops.transpose(x, [1, 0, 2]), ops.neg(x), ops.embedding(ops.reshape(x, [12, width]), [3, 4])]
          let own: Parameters<typeof fused.decodingAttention>[2] = { cache: null, length: 0 }
          for (let token = 0; token < 33; token++)
            own = fused.decodingAttention(
              { qkv: on(4, 4 * width), cos: on(4, 1, width), sin: on(4, 1, width) },
              { keys: on(1, 2, width), values: on(1, 2, width), lengths: [2] },
              own,
            ).own
          return [...grads, ...moves]
        })
        memory.free(results)
      }
    }
    // what it reads back is whatever lay in memory, so nothing is read
    expect((await device.popErrorScope())?.message).toBeUndefined()
    const native = codes.filter((code) => code.includes('enable f16;'))
    expect(native.length).toBeGreaterThan(20)
    expect(codes.some((code) => code.includes('unpack2x16float'))).toBe(false)
  })
})

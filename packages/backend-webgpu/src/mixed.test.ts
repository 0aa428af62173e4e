import { allLaws } from '@durian/core/laws'
import type { HostTensor } from '@durian/core'
import { either as E } from 'fp-ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { half } from './half.ts'
import { exactnessOf } from './laws.ts'
import { describeOnWebGpu } from './testing.ts'

/** Numbers that 16 bits do not hold. */
const waves = (shape: ReadonlyArray<number>, pitch: number): HostTensor => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((size, n) => size * n, 1) }, (_, i) => Math.sin(pitch * i + 1)),
})

describe('float16 on the host', () => {
  it('golden: half rounds as NumPy does', () => {
    // np.float16(x): above 2048 every second integer, ties to the even; below 2^-14 multiples of 2^-24
    const cases = [
      [2049, 2048],
      [2051, 2052],
      [0.1, 0.0999755859375],
      [-1 / 3, -0.333251953125],
      [65504, 65504],
      [1e-7, 1.1920928955078125e-7],
      [0, 0],
    ] as const
    for (const [x, rounded] of cases) expect(half(x)).toBe(rounded)
  })
})

await describeOnWebGpu('mixed precision', ({ ops: { fromHost: onDevice } }, { kernels, ...opened }) => {
  const { device } = opened
  const mixed = (style: 'barrier-free' | 'shared-memory' = 'barrier-free') => kernels.use(style, 'mixed')
  type Ours = ReturnType<typeof mixed>
  type Tensor = ReturnType<Ours['ops']['fromHost']>
  const numbers = async ({ transfer }: Ours, x: Tensor): Promise<Float32Array> => {
    const data = await transfer.read(x)()
    if (E.isLeft(data)) throw new Error(data.left.reason)
    return data.right
  }
  const bytesOnDevice = async (): Promise<number> => {
    const tf = (await import('@tensorflow/tfjs')) as unknown as { memory: () => { numBytesInGPU: number } }
    // what waits to be given back is given back with the next submission
    await device.queue.onSubmittedWorkDone()
    return tf.memory().numBytesInGPU
  }

  it('law: numbers are rounded to the nearest of float16, ties to the even one', async () => {
    const backend = mixed()
    const [x, odd] = [waves([4099], 0.37), { shape: [5], data: [2049, 2051, 1e-6, 3e-8, -0.1] }]
    for (const given of [x, odd]) {
      const narrowed = backend.memory.scope(() => backend.ops.fused!.narrowed!(backend.ops.fromHost(given)))
      expect([...(await numbers(backend, narrowed))]).toEqual(Array.from(Float32Array.from(given.data), half))
      backend.memory.free(narrowed)
    }
  })

  for (const style of ['barrier-free', 'shared-memory'] as const) {
    it(`law: a linear of rounded operands is added up in float32 (${style})`, async () => {
      const backend = mixed(style)
      const [rows, width, out] = [9, 2000, 5]
      const [x, w] = [waves([rows, width], 0.7), waves([out, width], 1.3)]
      const y = backend.memory.scope(() => backend.ops.fused!.linear!(backend.ops.fromHost(x), backend.ops.fromHost(w)))
      const actual = await numbers(backend, y)
      backend.memory.free(y)
      for (let i = 0; i < rows * out; i++) {
        const [row, column] = [Math.floor(i / out) * width, (i % out) * width]
        let exact = 0
        for (let k = 0; k < width; k++) exact += half(x.data[row + k]!) * half(w.data[column + k]!)
        // sums of 2000 terms in 16 bits would be off by 0.1 and more
        expect(Math.abs(actual[i]! - exact)).toBeLessThan(2e-4)
      }
    })
  }

  it('law: what only moves numbers keeps them in 16 bits', async () => {
    const backend = mixed()
    const { ops, memory } = backend
    const given = waves([6, 4, 8], 0.9)
    const rounded = { shape: given.shape, data: Float32Array.from(given.data, half) }
    type Move = (x: Tensor) => Tensor
    const moves: Readonly<Record<string, Move>> = {
      transpose: (x) => ops.transpose(x, [1, 0, 2]),
      slice: (x) => ops.slice(x, [1, 0, 2], [4, 3, 4]),
      concat: (x) => ops.concat([x, ops.slice(x, [0, 0, 0], [6, 4, 2])], 2),
      'rows put together': (x) => ops.concat([x, x], 0),
      rows: (x) => ops.embedding(ops.reshape(x, [24, 8]), [23, 0, 5]),
    }
    for (const [name, move] of Object.entries(moves)) {
      const [x, plain] = [ops.fused!.narrowed!(ops.fromHost(given)), ops.fromHost(rounded)]
      const [a, b] = [move(x), move(plain)]
      const before = kernels.dispatches()
      const again = ops.fused!.narrowed!(a)
      expect(kernels.dispatches() - before, `${name}: narrowed once more`).toBe(0)
      expect([...(await numbers(backend, a))], name).toEqual([...(await numbers(backend, b))])
      memory.free([x, plain, a, again, b])
    }
  })

  it('law: a move that would part two numbers of a word widens them', async () => {
    const backend = mixed()
    const { ops, memory } = backend
    const given = waves([3, 5], 0.9)
    const x = ops.fused!.narrowed!(ops.fromHost(given))
    const [turned, cut] = [ops.transpose(x, [1, 0]), ops.slice(x, [0, 1], [3, 3])]
    const all = Array.from(given.data, half)
    expect([...(await numbers(backend, turned))]).toEqual(
      Array.from({ length: 15 }, (_, i) => all[(i % 3) * 5 + Math.floor(i / 3)]),
    )
    expect([...(await numbers(backend, cut))]).toEqual([1, 2, 3, 6, 7, 8, 11, 12, 13].map((i) => all[i]))
    memory.free([x, turned, cut])
  })

  it('law: a weight is narrowed once as long as it lives, and its copy goes with it', async () => {
    const backend = mixed()
    const { ops, memory } = backend
    const start = await bytesOnDevice()
    const w = ops.fromHost(waves([64, 64], 0.3))
    const x = ops.fused!.narrowed!(ops.fromHost(waves([2, 64], 0.3)))
    const dispatchesOf = (): number => {
      const before = kernels.dispatches()
      memory.free(memory.scope(() => ops.fused!.linear!(x, w)))
      return kernels.dispatches() - before
    }
    expect(dispatchesOf()).toBe(2)
    expect(dispatchesOf()).toBe(1)
    memory.free([w, x])
    const other = ops.fromHost(waves([1], 0.3))
    await numbers(backend, ops.neg(other))
    expect((await bytesOnDevice()) - start).toBeLessThan(4 * 64 * 64)
    memory.free(other)
  })

  it('law: a number that does not fit into 16 bits is an error that names it, and the next computation is right', async () => {
    const backend = mixed()
    const { ops, memory, transfer } = backend
    const w = ops.fromHost({ shape: [1, 2], data: [1, 1] })
    const product = (...data: ReadonlyArray<number>) =>
      memory.scope(() => ops.fused!.linear!(ops.fromHost({ shape: [1, 2], data }), w))
    for (const far of [-70_000, 1e30, Infinity]) {
      const y = product(far, 1)
      const left = await transfer.read(y)()
      memory.free(y)
      expect(E.isLeft(left) && left.left.reason).toMatch(
        /does not fit into 16 bits, whose largest is 65504; use precision float32$/,
      )
    }
    expect(await transfer.read(product(65504, 1))()).toEqual(E.right(new Float32Array([65505])))
    // NaN is no matter of range: it stays what it is
    expect(await transfer.read(product(NaN, 1))()).toEqual(E.right(new Float32Array([NaN])))
  })

  it('law: SwiGLU, RMSNorm and kept keys that do not fit are noticed too', async () => {
    const backend = mixed()
    const { ops, memory, transfer } = backend
    const { swiglu, rmsNorm, decodingAttention } = ops.fused as Required<NonNullable<typeof ops.fused>>
    const big = (shape: ReadonlyArray<number>) =>
      ops.fromHost({ shape, data: new Float32Array(shape.reduce((size, n) => size * n, 1)).fill(400) })
    const flat = (shape: ReadonlyArray<number>) => ops.fromHost(waves(shape, 0.2))
    const overflows: Readonly<Record<string, () => unknown>> = {
      swiglu: () => swiglu(big([2, 3]), big([2, 3])),
      rmsNorm: () => rmsNorm(flat([2, 4]), ops.fromHost({ shape: [4], data: [1e6, 1e6, 1e6, 1e6] }), 1e-6),
      'a key': () =>
        decodingAttention(
          {
            qkv: ops.fromHost({ shape: [1, 12], data: new Float32Array(12).fill(1e5) }),
            cos: ops.fromHost({ shape: [1, 1, 4], data: [1, 1, 1, 1] }),
            sin: ops.fromHost({ shape: [1, 1, 4], data: [0, 0, 0, 0] }),
          },
          { keys: flat([1, 2, 4]), values: flat([1, 2, 4]), lengths: [2] },
          { cache: null, length: 0 },
        ),
    }
    const one = ops.fromHost({ shape: [1], data: [1] })
    for (const [name, run] of Object.entries(overflows)) {
      memory.free(memory.scope(run))
      expect(E.isLeft(await transfer.read(one)()) || E.isLeft(await transfer.read(ops.neg(one))()), name).toBe(true)
    }
    expect(E.isRight(await transfer.read(ops.neg(one))())).toBe(true)
  })

  it('law: float32 has the same bits before and after', async () => {
    const run = async (): Promise<string> => {
      const backend = kernels.use('barrier-free')
      const { ops, memory } = backend
      const out = memory.scope(() => {
        const x = ops.fused!.rmsNorm!(onDevice(waves([7, 12], 0.4)), onDevice(waves([12], 1.1)), 1e-6)
        const y = ops.fused!.linear!(ops.fused!.swiglu!(x, x), onDevice(waves([8, 12], 0.8)))
        const keys = ops.reshape(y, [1, 7, 8])
        return ops.fused!.attention!(keys, { keys, values: keys })
      })
      const data = await numbers(backend, out)
      memory.free(out)
      return Buffer.from(data.buffer).toString('hex')
    }
    const before = await run()
    const backend = mixed()
    backend.memory.free(backend.memory.scope(() => backend.ops.fused!.narrowed!(onDevice(waves([7, 12], 0.4)))))
    expect(await run()).toBe(before)
  })
})

/** Laws that meet numbers of 16 bits; the kernels of the others are those of float32, letter by letter. */
const MET = {
  'barrier-free': /fused|block|language model|kv cache|memory|NaN|slice|concat|transpose|embedding|matmul/,
  'shared-memory': /fused: (.*linear|.*headScores|.*rmsNorm|.*swiglu)/,
} as const

await describeOnWebGpu('the laws in mixed precision', (_, { kernels }) => {
  for (const style of ['barrier-free', 'shared-memory'] as const) {
    describe(style, () => {
      const laws = allLaws({ backend: kernels.use(style, 'mixed'), ...exactnessOf('mixed'), seed: 7, runs: 2 })
      // the kernels that were asked for last compute: asked for again when the tests run
      beforeAll(() => void kernels.use(style, 'mixed'))
      for (const law of laws.filter(({ name }) => MET[style].test(name))) it(`law: ${law.name}`, law.check)
    })
  }
})

import { derivedAttention, derivedSwiglu, referenceOps, type HostTensor, type TensorOps } from '@durian/core'
import { expectClose } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { expect, it } from 'vitest'
import { describeOnWebGpu } from '../testing.ts'
import { tolerances } from '../tolerances.ts'

const waves = (shape: ReadonlyArray<number>, pitch: number): HostTensor => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((size, n) => size * n, 1) }, (_, i) => Math.sin(pitch * i)),
})

await describeOnWebGpu('kernels at the ends of their sizes', ({ ops, memory, transfer }, { kernels }) => {
  type Tensor = ReturnType<typeof ops.fromHost>
  const read = async (x: Tensor): Promise<HostTensor> => {
    const data = await transfer.read(x)()
    if (E.isLeft(data)) throw new Error(data.left.reason)
    return { shape: ops.shape(x), data: data.right }
  }
  const same = async (
    program: <T>(o: TensorOps<T>, xs: ReadonlyArray<T>) => T,
    inputs: ReadonlyArray<HostTensor>,
    expected: <T>(o: TensorOps<T>, xs: ReadonlyArray<T>) => T = program,
  ) => {
    const result = memory.scope(() => program(ops, inputs.map(ops.fromHost)))
    const reference = expected(referenceOps, inputs.map(referenceOps.fromHost))
    try {
      expectClose('WebGPU against the reference', await read(result), reference, tolerances.gradients)
    } finally {
      memory.free(result)
    }
  }

  it('law: more workgroups than one dimension of a dispatch holds', async () => {
    const size = 64 * 65_535 + 70
    const data = new Float32Array(size).fill(1)
    data.set([2, 3], size - 2)
    const result = memory.scope(() => {
      const x = ops.fromHost({ shape: [size], data })
      return ops.slice(ops.fused!.swiglu!(x, x), [size - 3], [3])
    })
    const one = (x: number) =>
      derivedSwiglu(
        referenceOps,
        referenceOps.fromHost({ shape: [1], data: [x] }),
        referenceOps.fromHost({ shape: [1], data: [x] }),
      ).data[0]!
    expectClose('the last three', await read(result), { shape: [3], data: [one(1), one(2), one(3)] }, tolerances.values)
    memory.free(result)
  })

  it('law: prompts without a token share no keys', () =>
    same(
      (o, [q, k, v]) => {
        const none = o.slice(k!, [0, 0, 0], [1, 0, 4])
        const inputs = { keys: k!, values: v!, shared: { keys: none, values: none } }
        return o.fused?.attention === undefined
          ? derivedAttention(o, q!, { keys: k!, values: v! })
          : o.fused.attention(q!, inputs)
      },
      [waves([2, 3, 4], 0.7), waves([2, 5, 4], 1.3), waves([2, 5, 4], 0.4)],
    ))

  const fused = ops.fused as Required<NonNullable<typeof ops.fused>>
  const on = (shape: ReadonlyArray<number>) => ops.fromHost(waves(shape, 1.7))
  const programs: Readonly<Record<string, () => unknown>> = {
    'a product with both operands transposed': () =>
      ops.matmul(on([2, 5, 3]), on([2, 4, 5]), { transposeA: true, transposeB: true }),
    'a sum over the first axis': () => ops.sum(on([70, 3]), 0),
    softmax: () => ops.softmax(on([3, 5])),
    'scores of chosen tokens': () => ops.selectiveLogSoftmax(on([3, 5]), [0, 4, 2]),
    rmsNorm: () => fused.rmsNorm(on([3, 4]), on([4]), 1e-6),
    swiglu: () => fused.swiglu(on([3, 4]), on([3, 4])),
    rotary: () => fused.rotary(on([3, 8]), on([3, 1, 4]), on([3, 1, 4])),
    'a linear with bias and residual': () => fused.linear(on([3, 4]), on([5, 4]), { bias: on([5]), plus: on([3, 5]) }),
    'attention over shared and own keys under a mask': () =>
      fused.attention(on([4, 3, 4]), {
        keys: on([4, 2, 4]),
        values: on([4, 2, 4]),
        shared: { keys: on([2, 5, 4]), values: on([2, 5, 4]) },
        mask: on([2, 3, 7]),
      }),
    'one token of each rollout': () =>
      fused.decodingAttention(
        { qkv: on([4, 16]), cos: on([4, 1, 4]), sin: on([4, 1, 4]) },
        { keys: on([2, 5, 4]), values: on([2, 5, 4]), lengths: [5, 3] },
        { cache: null, length: 0 },
      ),
  }
  it.each(Object.entries(programs))('law: %s is one program', (_, run) => {
    const before = kernels.dispatches()
    memory.free(memory.scope(run))
    expect(kernels.dispatches() - before).toBe(1)
  })

  it('law: a step on one parameter is one program, its inputs are as before', async () => {
    const [p, g, m, v] = [1, 2, 3, 4].map((pitch) => ops.fromHost(waves([5, 7], pitch)))
    const numbers = {
      keepFirst: 0.9,
      takeFirst: 0.1,
      keepSecond: 0.99,
      takeSecond: 0.01,
      rate: 0.1,
      guard: 1e-3,
      shrink: 1,
    }
    const before = kernels.dispatches()
    const moved = ops.fused!.adamW!(p!, g!, { first: m!, second: ops.square(v!) }, numbers)
    expect(kernels.dispatches() - before).toBe(2) // and one for the square
    expectClose('the parameter', await read(p!), waves([5, 7], 1), tolerances.values)
    memory.free([p, g, m, v, moved])
  })
})

import {
  derivedRmsNorm,
  normals,
  referenceOps,
  sizeOf,
  type HostTensor,
  type Shape,
  type TensorOps,
} from '@durian/core'
import { expectClose } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { openNodeBackend } from '../withNodeBackend.ts'

const opened = await openNodeBackend({ prefer: 'wasm' })()
if (E.isLeft(opened)) throw new Error(opened.left.reason)
const { ops, gradients, memory, transfer } = opened.right.backend
type Tensor = ReturnType<typeof ops.fromHost>

const gaussian = (shape: Shape, name: number): HostTensor => ({
  shape,
  data: Float32Array.from(normals({ seed: 3, stream: name }, sizeOf(shape))),
})
const read = async (x: Tensor): Promise<HostTensor> => {
  const data = await transfer.read(x)()
  if (E.isLeft(data)) throw new Error(data.left.reason)
  return { shape: ops.shape(x), data: data.right }
}
/** The same program on both; shapes beyond those of the law suite, where blocks, panels and tiles end in the middle. */
const same = async (program: <T>(o: TensorOps<T>, xs: ReadonlyArray<T>) => T, inputs: ReadonlyArray<HostTensor>) =>
  expectClose(
    'wasm against the reference',
    await read(program(ops, inputs.map(ops.fromHost))),
    program(referenceOps, inputs.map(referenceOps.fromHost)),
    { atol: 1e-4, rtol: 1e-5 },
  )

describe('wasm kernels on shapes that cross their blocks', () => {
  const transposes = [
    { transposeA: false, transposeB: false },
    { transposeA: true, transposeB: false },
    { transposeA: false, transposeB: true },
    { transposeA: true, transposeB: true },
  ]
  const sizes = [
    [3, 5, 7],
    [70, 260, 9], // more than one block of the inner size, an incomplete panel
    [9, 2, 530], // more columns than are packed at once
    [1, 513, 1],
    [65, 64, 16],
  ] as const
  it.each(sizes.flatMap((size) => transposes.map((t) => ({ size, ...t }))))(
    'law: matmul $size (transposed $transposeA $transposeB)',
    async ({ size: [m, k, n], ...options }) => {
      const a = gaussian(options.transposeA ? [2, k, m] : [2, m, k], 1)
      const b = gaussian(options.transposeB ? [2, n, k] : [2, k, n], 2)
      await same((o, [x, y]) => o.matmul(x!, y!, options), [a, b])
    },
  )

  it.each([
    [
      [33, 70],
      [1, 0],
    ],
    [
      [5, 6, 7],
      [2, 1, 0],
    ],
    [
      [3, 5, 4, 6],
      [0, 2, 1, 3],
    ],
    [
      [3, 1, 9, 6],
      [3, 1, 0, 2],
    ],
    [
      [2, 3, 4, 5],
      [0, 1, 3, 2],
    ],
  ])('law: transpose of [%s] by (%s)', (shape, permutation) =>
    same((o, [x]) => o.transpose(x!, permutation), [gaussian(shape, 3)]),
  )

  it.each([
    [[300, 7], 0],
    [[3, 150, 5], 1],
    [[4, 9], 1],
    [[1, 1, 6], 1],
  ])('law: sum of [%s] over axis %i', (shape, axis) => same((o, [x]) => o.sum(x!, axis), [gaussian(shape, 4)]))

  it.each([4, 13])('law: slices and concats of width %i put a tensor together again', (width) =>
    same(
      (o, [x]) => o.concat([o.slice(x!, [0, 0, 3], [2, width, 2]), o.slice(x!, [0, 0, 0], [2, width, 3])], 2),
      [gaussian([2, width, 5], 5)],
    ),
  )

  it('law: the gradient of rmsNorm over many rows equals that of its program', async () => {
    const [x, weight, cotangent] = [[300, 13], [13], [300, 13]].map((shape, i) => ops.fromHost(gaussian(shape, 6 + i)))
    const fused = gradients.vjp(([a, w]) => ops.fused!.rmsNorm!(a!, w!, 1e-5))([x!, weight!], cotangent!)
    const derived = gradients.vjp(([a, w]) => derivedRmsNorm(ops, a!, w!, 1e-5))([x!, weight!], cotangent!)
    for (const i of [0, 1]) {
      expectClose(`input ${i}`, await read(fused.grads[i]!), await read(derived.grads[i]!), { atol: 1e-4, rtol: 1e-5 })
    }
  })

  it('law: scores of logits far apart, also of impossible tokens, are those of the reference', async () => {
    const { shape, data } = gaussian([9, 37], 9)
    const wide = Float32Array.from(data, (z, i) => (i % 37 === 5 ? -Infinity : z * 30))
    const ids = [0, 1, 2, 3, 4, 6, 7, 8, 36]
    await same((o, [z]) => o.selectiveLogSoftmax(z!, ids).logprob, [{ shape, data: wide }])
    await same((o, [z]) => o.selectiveLogSoftmax(z!, ids).entropy, [{ shape, data: wide }])
  })

  it('law: a training step leaves no bytes on the heap beyond its result', async () => {
    const step = () => {
      const x = ops.fromHost(gaussian([40, 24], 10))
      const w = ops.fromHost(gaussian([50, 24], 11))
      const dy = ops.fromHost(gaussian([40, 50], 12))
      memory.free(gradients.vjp(([a, b]) => ops.matmul(a!, b!, { transposeB: true }))([x, w], dy))
      memory.free([x, w, dy])
    }
    step()
    const before = memory.bytes()
    for (let i = 0; i < 20; i++) step()
    expect(memory.bytes()).toBe(before)
  })
})

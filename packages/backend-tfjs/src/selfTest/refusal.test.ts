import type { RefTensor, TensorOps } from '@durian/core'
import { referenceBackend } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { selfTest } from './selfTest.ts'

type Change = (ops: TensorOps<RefTensor>) => Partial<TensorOps<RefTensor>>

const zeroed = (ops: TensorOps<RefTensor>, x: RefTensor): RefTensor =>
  ops.fromHost({ shape: x.shape, data: new Float64Array(x.data.length) })

describe('the self-test', () => {
  it('law: passes a device that computes as the reference does', async () => {
    expect(await selfTest(referenceBackend())()).toEqual(E.right(undefined))
  })

  it.each<[string, Change]>([
    [
      'returns zeros from matmul, as a WebGPU driver without memory does',
      (o) => ({ matmul: (a, b, t) => zeroed(o, o.matmul(a, b, t)) }),
    ],
    [
      'forgets a transpose',
      (o) => ({
        transpose: (x, axes) =>
          o.reshape(
            x,
            axes.map((axis) => x.shape[axis]!),
          ),
      }),
    ],
    ['shifts softmax by nothing', (o) => ({ softmax: (x) => o.exp(x) })],
    ['clips to the wrong side', (o) => ({ clip: (x, lo) => o.clip(x, lo, lo) })],
    [
      'takes another token',
      (o) => ({
        selectiveLogSoftmax: (z, ids) =>
          o.selectiveLogSoftmax(
            z,
            Array.from(ids, (id) => id ^ 1),
          ),
      }),
    ],
    ['gives NaN', (o) => ({ sigmoid: (x) => o.log(o.neg(o.exp(x))) })],
  ])('law: refuses a device that %s, in one sentence', async (_, change) => {
    const result = await selfTest(referenceBackend(change))()
    expect(result).toEqual(
      E.left({
        _tag: 'DeviceFailed',
        backend: expect.any(String),
        reason: expect.stringMatching(/^this device computes wrongly: .*; choose another one with --backend$/),
      }),
    )
  })

  it('law: refuses a device whose gradients alone are wrong', async () => {
    const backend = referenceBackend()
    const { valueAndGrad } = backend.gradients
    const halved: typeof valueAndGrad = (f) => (params) => {
      const { grads, ...rest } = valueAndGrad(f)(params)
      const q = backend.ops.mul(grads['q']!, backend.ops.fromHost({ shape: [], data: [0.5] }))
      return { ...rest, grads: { ...grads, q } }
    }
    const result = await selfTest({ ...backend, gradients: { ...backend.gradients, valueAndGrad: halved } })()
    expect(E.isLeft(result) && 'reason' in result.left && result.left.reason).toContain("the gradient of 'q'")
  })

  it('law: leaves nothing on the device, passed or refused', async () => {
    const good = referenceBackend()
    await selfTest(good)()
    const bad = referenceBackend((o) => ({ softmax: (x) => o.exp(x) }))
    await selfTest(bad)()
    expect([good.memory.liveTensors(), bad.memory.liveTensors()]).toEqual([0, 0])
  })
})

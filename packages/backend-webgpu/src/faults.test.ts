import type { Tensor } from '@durian/backend-tfjs'
import type { Backend, BackendError } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { either as E } from 'fp-ts'
import { expect, it } from 'vitest'
import { openWebGpuBackend, withWebGpuBackend } from './index.ts'
import { describeOnWebGpu } from './testing.ts'

/** What tfjs's backend lets a test do to the device. */
interface Kernels {
  readonly device: GPUDevice
  readonly runWebGPUProgram: (program: unknown, inputs: ReadonlyArray<Tensor>, dtype: 'float32') => unknown
}
const kernels = async (): Promise<Kernels> =>
  ((await import('@tensorflow/tfjs')) as unknown as { backend: () => Kernels }).backend()

type Use = (backend: Backend<Tensor>) => TE.TaskEither<BackendError, unknown>
const leftOf = async (use: Use): Promise<BackendError> => {
  const result = await withWebGpuBackend()((backend) => use(backend as unknown as Backend<Tensor>))()
  if (E.isRight(result)) throw new Error('the fault went unseen')
  return result.left
}
const fresh = async (): Promise<Backend<Tensor>> => {
  const opened = await openWebGpuBackend()()
  if (E.isLeft(opened)) throw new Error(opened.left.reason)
  return opened.right.backend
}
const one = (ops: Backend<Tensor>['ops']): Tensor => ops.fromHost({ shape: [1], data: [1] })

await describeOnWebGpu('faults of a WebGPU device', () => {
  it('law: a shader the device refuses is a left at the next read, not zeros', async () => {
    const error = await leftOf(({ ops, transfer }) => async () => {
      const program = {
        variableNames: ['x'],
        outputShape: [1],
        shaderKey: 'broken',
        workgroupSize: [1, 1, 1],
        dispatchLayout: { x: [0] },
        dispatch: [1, 1, 1],
        getUserCode: () => 'fn main(index : i32) { result[index] = no_such_function(x[index]); }',
      }
      const broken = (await kernels()).runWebGPUProgram(program, [one(ops)], 'float32') as Tensor
      const { engine } = (await import('@tensorflow/tfjs')) as unknown as {
        engine: () => { makeTensorFromTensorInfo: (info: unknown) => Tensor }
      }
      return transfer.read(engine().makeTensorFromTensorInfo(broken))()
    })
    expect(error).toEqual({
      _tag: 'DeviceFailed',
      backend: 'webgpu',
      reason: expect.stringMatching(/^the device refused a command: .*no_such_function/),
    })
  })

  it('law: a device that failed is given up, and the next opening computes', async () => {
    const { ops, transfer } = await fresh()
    expect(await transfer.read(ops.add(one(ops), one(ops)))()).toEqual(E.right(new Float32Array([2])))
  })

  it('law: an operation after a fault throws it, before any read', async () => {
    const { ops, transfer } = await fresh()
    const { device } = await kernels()
    device.createBuffer({ size: 4, usage: 0xffff })
    expect(E.isLeft(await transfer.read(ops.neg(one(ops)))())).toBe(true)
    expect(() => ops.neg(one(ops))).toThrow('the device refused a command')
  })

  it('law: a device that is lost is a left', async () => {
    const error = await leftOf(({ ops, transfer }) => async () => {
      const x = ops.neg(one(ops))
      ;(await kernels()).device.destroy()
      return transfer.read(x)()
    })
    expect(error).toMatchObject({ _tag: 'DeviceFailed', reason: expect.stringContaining('the device was lost') })
  })

  it('law: a device without memory is a left that says so', async () => {
    const error = await leftOf(({ ops, transfer }) => async () => {
      const { device } = await kernels()
      // beyond what SwiftShader's process may map; a GPU with more than 64 GiB takes it and fails later
      const buffers = Array.from({ length: 64 }, () =>
        device.createBuffer({ size: device.limits.maxBufferSize, usage: 0x80 }),
      )
      const read = await transfer.read(ops.neg(one(ops)))()
      for (const buffer of buffers) buffer.destroy()
      return read
    })
    expect(error).toMatchObject({ _tag: 'OutOfMemory', reason: expect.stringContaining('out of memory') })
  })

  it('law: a tensor larger than any buffer is a left that names its shape', async () => {
    const error = await leftOf(({ ops, memory }) => () => {
      memory.scope(() => {
        const row = ops.fromHost({ shape: [1, 1 << 20], data: new Float32Array(1 << 20) })
        return void ops.embedding(row, new Array<number>(1025).fill(0))
      })
      return Promise.resolve(E.right('not reached'))
    })
    expect(error).toMatchObject({ _tag: 'OutOfMemory', reason: expect.stringContaining('1025,1048576]') })
  })

  it('law: seven axes are a left that says so', async () => {
    const error = await leftOf(({ ops }) => () => {
      ops.neg(ops.fromHost({ shape: [1, 1, 1, 1, 1, 1, 2], data: [1, 2] }))
      return Promise.resolve(E.right('not reached'))
    })
    expect(error).toMatchObject({ _tag: 'DeviceFailed', reason: expect.stringContaining('[1,1,1,1,1,1,2]') })
  })

  it('law: more groups than a dimension has are a left that says so', async () => {
    const error = await leftOf(({ ops }) => async () => {
      const program = {
        variableNames: ['x'],
        outputShape: [1],
        shaderKey: 'high',
        workgroupSize: [1, 1, 1],
        dispatchLayout: { x: [], y: [], z: [0] },
        dispatch: [1, 1, 70_000],
        getUserCode: () => '',
      }
      const device = await kernels()
      device.runWebGPUProgram(program, [one(ops)], 'float32')
      return E.right('not reached')
    })
    expect(error).toMatchObject({ _tag: 'DeviceFailed', reason: expect.stringContaining('1 x 1 x 70000 groups') })
  })

  it('law: a defect passes through', async () => {
    const run = withWebGpuBackend()(() => () => Promise.reject(new Error('a bug')))
    await expect(run()).rejects.toThrow('a bug')
  })

  it('law: navigator is as it was, so libraries do not take Node for a browser', () => {
    expect('gpu' in ((globalThis as { navigator?: object }).navigator ?? {})).toBe(false)
  })
})

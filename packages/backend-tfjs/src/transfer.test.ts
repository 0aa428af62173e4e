import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { DeviceFault, type Tensor } from './tf.ts'
import { backendError, transfer } from './transfer.ts'

/** A tensor whose read ends as told. */
const reading = (data: () => Promise<unknown>): Tensor => ({ data }) as unknown as Tensor

describe('reading a tensor', () => {
  it('law: a device that fails while it is read is a left', async () => {
    const lost = reading(() => Promise.reject(new Error('device lost')))
    expect(await transfer('webgpu').read(lost)()).toEqual(
      E.left({ _tag: 'DeviceFailed', backend: 'webgpu', reason: 'device lost' }),
    )
  })

  it('law: NaN and infinities arrive as they are, integers as float32', async () => {
    const odd = new Float32Array([NaN, Infinity, -0])
    expect(await transfer('wasm').read(reading(() => Promise.resolve(odd)))()).toEqual(E.right(odd))
    const integers = reading(() => Promise.resolve(new Int32Array([1, -2])))
    expect(await transfer('wasm').read(integers)()).toEqual(E.right(new Float32Array([1, -2])))
  })
})

describe('backendError', () => {
  it('law: keeps the error a fault carries', () => {
    const error = { _tag: 'Unavailable', backend: 'x', reason: 'y' } as const
    expect(backendError('wasm', new DeviceFault(error))).toBe(error)
  })

  it.each([
    ['OOM when allocating tensor with shape [1]', 'OutOfMemory'],
    ['failed to allocate 12 bytes', 'OutOfMemory'],
    ['invalid shader', 'DeviceFailed'],
  ])('law: %s is %s', (message, tag) => {
    expect(backendError('tensorflow', new Error(message))).toEqual({
      _tag: tag,
      backend: 'tensorflow',
      reason: message,
    })
  })
})

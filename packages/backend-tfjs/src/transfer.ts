import type { BackendError, Transfer } from '@durian/core'
import { either as E } from 'fp-ts'
import { DeviceFault, type Tensor } from './tf.ts'

/** What a device throws, as a value. */
export const backendError = (backend: string, thrown: unknown): BackendError => {
  if (thrown instanceof DeviceFault) return thrown.error
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  return /out of memory|heap exhausted|\bOOM\b|allocat/i.test(reason)
    ? { _tag: 'OutOfMemory', backend, reason }
    : { _tag: 'DeviceFailed', backend, reason }
}

/** Reads are the only waits. NaN and infinities arrive as they are. */
export const transfer = (backend: string): Transfer<Tensor> => ({
  read: (x) => async () => {
    try {
      const data = await x.data()
      return E.right(data instanceof Float32Array ? data : Float32Array.from(data))
    } catch (thrown) {
      return E.left(backendError(backend, thrown))
    }
  },
})

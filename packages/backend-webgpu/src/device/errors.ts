import { DeviceFault } from '@durian/backend-tfjs'
import type { BackendError } from '@durian/core'

/** What went wrong on a device so far. WebGPU reports late and computes on with zeros, so everybody who reads must ask here. */
export interface Faults {
  /** @throws DeviceFault when the device has failed */
  readonly check: () => void
  /** Wait until the errors of everything submitted so far are known. */
  readonly settle: () => Promise<void>
  /** True once the device has failed; it stays so, because what its tensors hold is unknown. */
  readonly failed: () => boolean
}

const SCOPES = ['validation', 'out-of-memory', 'internal'] as const

/**
 * Collect the device's errors. An error scope of each kind is always open and is renewed by `settle`: unlike `uncapturederror` events, a scope
 * that has been closed answers for certain. Events are listened to as well, for what escapes the scopes.
 */
export const watchFaults = (device: GPUDevice, backend: string): Faults => {
  let fault: BackendError | undefined
  const record = (error: BackendError): void => void (fault ??= error)

  device.addEventListener('uncapturederror', (event) => record(gpuFault(backend, event.error)))
  void device.lost.then(({ reason, message }) =>
    record({ _tag: 'DeviceFailed', backend, reason: `the device was lost (${reason}): ${sentence(message)}` }),
  )

  const open = (): void => SCOPES.forEach((scope) => device.pushErrorScope(scope))
  open()

  return {
    check: () => {
      if (fault !== undefined) throw new DeviceFault(fault)
    },
    settle: async () => {
      const closed = SCOPES.map(() => device.popErrorScope())
      open()
      // a lost device rejects; `lost` tells of it
      for (const found of await Promise.allSettled(closed)) {
        if (found.status === 'fulfilled' && found.value !== null) record(gpuFault(backend, found.value))
      }
    },
    failed: () => fault !== undefined,
  }
}

/** WebGPU's error as ours: its class says what kind it is. */
const gpuFault = (backend: string, error: GPUError): BackendError =>
  error.constructor.name === 'GPUOutOfMemoryError'
    ? { _tag: 'OutOfMemory', backend, reason: `the device is out of memory: ${sentence(error.message)}` }
    : { _tag: 'DeviceFailed', backend, reason: `the device refused a command: ${sentence(error.message)}` }

/** Dawn writes a line of text and then a stack of what it was doing. */
const sentence = (message: string): string => message.split('\n')[0]!.trim()

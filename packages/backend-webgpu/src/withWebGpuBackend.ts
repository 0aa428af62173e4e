import { backendError, DeviceFault, selfTest, type Tensor } from '@durian/backend-tfjs'
import type { Backend, BackendError, WithBackend } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { DeviceChoice } from './device/adapter.ts'
import type { Home } from './home.ts'
import { openDevice, type OpenedDevice, type WebGpuFacts } from './open.ts'

export interface WebGpuBackendOptions extends DeviceChoice {
  /** Told of the device that was taken, before it is used. */
  readonly onOpened?: (opened: OpenedWebGpu) => void
}

export interface OpenedWebGpu {
  readonly backend: Backend<Tensor>
  readonly facts: WebGpuFacts
}

/** How a home's devices are opened: the same two functions in the browser and in Node. */
export interface WebGpu {
  /** Open a device and let it prove that it computes. One device a process: a second opening is the first one's, unless that one failed. */
  readonly openWebGpuBackend: (options?: WebGpuBackendOptions) => TE.TaskEither<BackendError, OpenedWebGpu>
  /**
   * Run a program on the device. A device's failure, also one thrown in the middle of synchronous code, becomes a `Left`;
   * any other exception is a defect and passes through.
   */
  readonly withWebGpuBackend: (options?: WebGpuBackendOptions) => WithBackend
}

export const webGpuOf = (home: Home): WebGpu => {
  let opened: Promise<OpenedDevice> | undefined

  const device = async (choice: DeviceChoice): Promise<OpenedDevice> => {
    const before = await opened?.catch(() => undefined)
    if (before !== undefined && !before.guarded.faults.failed()) return before
    opened = openDevice(home, choice)
    return opened
  }

  const openWebGpuBackend: WebGpu['openWebGpuBackend'] =
    (options = {}) =>
    async () => {
      try {
        const { backend, facts } = await device(options)
        const tested = await selfTest(backend)()
        return E.isRight(tested) ? E.right({ backend, facts }) : tested
      } catch (thrown) {
        if (thrown instanceof DeviceFault) return E.left(thrown.error)
        const reason = thrown instanceof Error ? thrown.message.split('\n')[0]! : String(thrown)
        return E.left({ _tag: 'Unavailable', backend: 'webgpu', reason })
      }
    }

  const withWebGpuBackend: WebGpu['withWebGpuBackend'] =
    (options = {}) =>
    (use) =>
    async () => {
      const result = await openWebGpuBackend(options)()
      if (E.isLeft(result)) return result
      const { backend } = result.right
      options.onOpened?.(result.right)
      try {
        return await use(backend)()
      } catch (thrown) {
        if (thrown instanceof DeviceFault) return E.left(backendError(backend.name, thrown))
        throw thrown
      }
    }

  return { openWebGpuBackend, withWebGpuBackend }
}

import { backendError, DeviceFault, selfTest, type Tensor } from '@durian/backend-tfjs'
import type { Backend, BackendError, WithBackend } from '@durian/core'
import { either as E, taskEither as TE } from 'fp-ts'
import type { DeviceChoice } from './device/adapter.ts'
import { NoDevice } from './device/noDevice.ts'
import type { Home } from './home.ts'
import type { Kernels } from './kernels/choose.ts'
import type { Precision } from './kernels/kernel.ts'
import { openDevice, type OpenedDevice, type WebGpuFacts } from './open.ts'
import { tolerances } from './tolerances.ts'

export interface WebGpuBackendOptions extends DeviceChoice {
  /** 'mixed' keeps operands of products (weights, what linears read, keys and values) in float16 and adds them up in float32; default 'float32'. */
  readonly precision?: Precision
  /** Told of the device that was taken, before it is used. */
  readonly onOpened?: (opened: OpenedWebGpu) => void
}

export interface OpenedWebGpu extends Pick<OpenedDevice, 'device' | 'adapter'> {
  readonly backend: Backend<Tensor>
  readonly facts: WebGpuFacts
  /** Other kernels on the same device, for laws and benchmarks. */
  readonly kernels: Kernels
}

/** WebGPU's state here, for `durian doctor` or a page that tells its visitor. */
export interface WebGpuStatus {
  readonly available: boolean
  /** What it is when it is available, else why it is not. */
  readonly reason: string
  /** What makes it available; empty when it is, or when the reason says all. */
  readonly mend: string
  /** Only when it is available. */
  readonly facts?: WebGpuFacts
  /** Milliseconds that loading and the self-test took; only when it is available. */
  readonly startMs?: number
}

/** How a home's devices are opened: the same functions in the browser and in Node. */
export interface WebGpu {
  /** Open a device and let it prove that it computes. One device a process: a second opening is the first one's, unless that one failed. */
  readonly openWebGpuBackend: (options?: WebGpuBackendOptions) => TE.TaskEither<BackendError, OpenedWebGpu>
  /**
   * Run a program on the device. A device's failure, also one thrown in the middle of synchronous code, becomes a `Left`;
   * any other exception is a defect and passes through.
   */
  readonly withWebGpuBackend: (options?: WebGpuBackendOptions) => WithBackend
  /** Try to open a device. Never rejects: what goes wrong is the answer's reason. */
  readonly webGpuStatus: (choice?: DeviceChoice) => Promise<WebGpuStatus>
}

interface Refusal {
  readonly error: BackendError
  readonly mend: string
}

export const webGpuOf = (home: Home): WebGpu => {
  let opened: Promise<OpenedDevice> | undefined

  const device = async (choice: DeviceChoice): Promise<OpenedDevice> => {
    const before = await opened?.catch(() => undefined)
    if (before !== undefined && !before.faults.failed()) return before
    opened = openDevice(home, choice)
    return opened
  }

  const tested = async (choice: DeviceChoice, precision: Precision): Promise<E.Either<Refusal, OpenedWebGpu>> => {
    try {
      const { faults: _, backendIn, ...found } = await device(choice)
      const opened = { ...found, backend: backendIn(precision) }
      const result = await selfTest(opened.backend, precision === 'mixed' ? tolerances.mixed.gradients : undefined)()
      return E.isRight(result) ? E.right(opened) : E.left({ error: result.left, mend: '' })
    } catch (thrown) {
      if (thrown instanceof DeviceFault) return E.left({ error: thrown.error, mend: '' })
      const reason = thrown instanceof Error ? thrown.message.split('\n')[0]! : String(thrown)
      return E.left({
        error: { _tag: 'Unavailable', backend: 'webgpu', reason },
        mend: thrown instanceof NoDevice ? thrown.mend : '',
      })
    }
  }

  const openWebGpuBackend: WebGpu['openWebGpuBackend'] = ({ onOpened: _, precision = 'float32', ...choice } = {}) =>
    TE.mapLeft(({ error, mend }: Refusal) => (mend === '' ? error : { ...error, reason: `${error.reason}; ${mend}` }))(
      () => tested(choice, precision),
    )

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

  const webGpuStatus: WebGpu['webGpuStatus'] = async (choice = {}) => {
    const start = performance.now()
    const result = await tested(choice, 'float32')
    if (E.isLeft(result)) return { available: false, reason: result.left.error.reason, mend: result.left.mend }
    const { backend, facts } = result.right
    const startMs = Math.round(performance.now() - start)
    return { available: true, reason: backend.info.description, mend: '', facts, startMs }
  }

  return { openWebGpuBackend, withWebGpuBackend, webGpuStatus }
}

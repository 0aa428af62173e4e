import type { Tensor } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import { adapterName, type AdapterNames, choiceOf, type DeviceChoice } from './device/adapter.ts'
import type { Faults } from './device/errors.ts'
import { guardedBackend } from './device/guarded.ts'
import { requestDevice } from './device/request.ts'
import type { Home } from './home.ts'
import { kernelsOf, type Kernels } from './kernels/choose.ts'
import type { Precision } from './kernels/kernel.ts'
import { replaceStock } from './stock/replace.ts'

/** What computes, for `durian doctor`. */
export interface WebGpuFacts {
  /** Versions by name. */
  readonly libraries: Readonly<Record<string, string>>
  readonly device: string
  /** Computes on the processor. */
  readonly software: boolean
  readonly features: ReadonlyArray<string>
  /** Bytes of the largest tensor. */
  readonly largestTensor: number
}

export interface OpenedDevice {
  /** The device's backend in float32 or in mixed precision; the one that was asked for last computes. */
  readonly backendIn: (precision: Precision) => Backend<Tensor>
  /** What tfjs computes on, for measurements that go past it. */
  readonly device: GPUDevice
  readonly adapter: AdapterNames
  readonly facts: WebGpuFacts
  readonly faults: Faults
  readonly kernels: Kernels
}

const NAME = 'webgpu'

/** Open a device and make it tfjs's current backend. Rejects with a sentence when it cannot be used. */
export const openDevice = async (home: Home, asked: DeviceChoice): Promise<OpenedDevice> => {
  const choice = choiceOf(asked, home.environment)
  const gpu = await home.gpu(choice)
  const own = await requestDevice(gpu, choice, home.adapterMend)
  const { tf, WebGPUBackend, version } = await home.libraries()
  const guarded = withNavigatorGpu(gpu, () => guardedBackend(WebGPUBackend, own, NAME))
  const env = tf.env()
  // small tensors would be computed on the processor, past every kernel that is tested
  env.set('WEBGPU_CPU_FORWARD', false)
  // the other programs add floats with atomics where K is large: 10 runs, 10 results
  env.set('WEBGPU_MATMUL_PROGRAM_TYPE', PACKED_MATMUL)
  // tfjs's own factory in a browser, or a device that failed
  if (tf.findBackendFactory(NAME) !== null) tf.removeBackend(NAME)
  tf.registerBackend(NAME, () => guarded.backend, 3)
  if (!(await tf.setBackend(NAME))) throw new Error('tfjs could not start its WebGPU backend')
  await tf.ready()
  replaceStock(tf)
  const device = adapterName(own.names)
  const description = `tfjs-backend-webgpu ${version}, ${home.name}, ${device}`
  const kernels = kernelsOf(tf, { device: own.device, backend: guarded.backend }, { name: NAME, description })
  const style = own.software ? 'barrier-free' : 'shared-memory'
  let current = { precision: 'float32' as Precision, backend: kernels.use(style) }
  return {
    backendIn: (precision) => {
      if (current.precision !== precision) current = { precision, backend: kernels.use(style, precision) }
      return current.backend
    },
    device: own.device,
    adapter: own.names,
    kernels,
    facts: {
      libraries: { 'tfjs-backend-webgpu': version },
      device,
      software: own.software,
      features: [...own.device.features].sort(),
      largestTensor: Math.min(own.device.limits.maxBufferSize, own.device.limits.maxStorageBufferBindingSize),
    },
    faults: guarded.faults,
  }
}

/** tfjs's `MatMulProgramType.MatMulPackedProgram`. */
const PACKED_MATMUL = 3

/** tfjs's backend asks for `navigator.gpu` while it is made, and Node has none. It is taken away again: libraries tell a browser by it. */
const withNavigatorGpu = <A>(gpu: GPU, make: () => A): A => {
  const scope = globalThis as { navigator?: object }
  if (scope.navigator === undefined) {
    Object.defineProperty(scope, 'navigator', { value: { gpu }, configurable: true })
    try {
      return make()
    } finally {
      delete scope.navigator
    }
  }
  const { navigator } = scope
  if ('gpu' in navigator) return make()
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
  try {
    return make()
  } finally {
    Reflect.deleteProperty(navigator, 'gpu')
  }
}

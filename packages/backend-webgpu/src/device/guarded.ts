import { DeviceFault } from '@durian/backend-tfjs'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { OwnDevice } from './request.ts'
import { watchFaults, type Faults } from './errors.ts'
import { trimPool } from './pool.ts'

export type WebGpuBackendClass = typeof WebGPUBackend
type Run = WebGPUBackend['runWebGPUProgram']

export interface Guarded {
  readonly backend: WebGPUBackend
  readonly faults: Faults
}

/** WGSL has no vector for the shape of more axes in tfjs's uniforms. */
const MOST_AXES = 6

/**
 * tfjs's backend on our device, made to fail aloud: what the device refuses, cannot hold or forgot is thrown as a DeviceFault by the next
 * operation or read, where tfjs would go on with zeros.
 */
export const guardedBackend = (Base: WebGpuBackendClass, { device, names }: OwnDevice, name: string): Guarded => {
  const faults = watchFaults(device, name)
  const refuse = (_tag: 'OutOfMemory' | 'DeviceFailed', reason: string): never => {
    throw new DeviceFault({ _tag, backend: name, reason })
  }
  const { maxComputeWorkgroupsPerDimension: mostGroups } = device.limits
  const mostBytes = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)

  class Backend extends Base {
    override runWebGPUProgram(...[program, inputs, ...rest]: Parameters<Run>): ReturnType<Run> {
      for (const { shape } of [...inputs, { shape: program.outputShape }]) {
        if (shape.length > MOST_AXES) {
          refuse('DeviceFailed', `a tensor of shape [${shape}] has more than the ${MOST_AXES} axes of WebGPU's kernels`)
        }
      }
      const { x, y, z } = { x: program.dispatch[0], y: program.dispatch[1], z: program.dispatch[2] }
      const folds = program.dispatchLayout.y === undefined && program.dispatchLayout.z === undefined
      if (Math.max(y, z) > mostGroups || (x > mostGroups && !folds) || x > mostGroups ** 3) {
        refuse(
          'DeviceFailed',
          `a kernel of ${x} x ${y} x ${z} groups for [${program.outputShape}] exceeds the ${mostGroups} a dimension of this device; compute fewer rows at once`,
        )
      }
      return super.runWebGPUProgram(program, inputs, ...rest)
    }

    override uploadToGPU(...[dataId]: Parameters<WebGPUBackend['uploadToGPU']>): void {
      // every program passes here with each of its tensors, tfjs's and ours
      faults.check()
      const { shape, resource } = this.tensorMap.get(dataId)
      const bytes = 4 * shape.reduce((size, n) => size * n, 1)
      if (resource === undefined && bytes > mostBytes) {
        refuse(
          'OutOfMemory',
          `a tensor of shape [${shape}] takes ${megabytes(bytes)} and this device has no buffer above ${megabytes(mostBytes)}; compute fewer rows at once`,
        )
      }
      super.uploadToGPU(dataId)
    }

    override async read(...[dataId]: Parameters<WebGPUBackend['read']>): ReturnType<WebGPUBackend['read']> {
      faults.check()
      // everything is submitted when the promise is there, so the scopes that are closed now saw it
      const values = super.read(dataId)
      const settled = Promise.allSettled([values, faults.settle()])
      trimPool(this.bufferManager)
      const [read] = await settled
      faults.check()
      if (read.status === 'rejected') throw read.reason
      // tfjs keeps a copy on the host, which would be stale once a kernel writes into this tensor in place
      if (this.tensorMap.has(dataId)) {
        const data = this.tensorMap.get(dataId)
        if (data.resource !== undefined && data.resource !== null) data.values = null as never
      }
      return read.value
    }
  }
  return { backend: new Backend(device, names as never), faults }
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

import type { Tensor, Tf } from '@durian/backend-tfjs'
import { type HostTensor, ShapeError, sizeOf } from '@durian/core'
import type { NodeKernelBackend } from './execute.ts'

interface Engine {
  readonly makeTensorFromTensorInfo: (info: {
    readonly dataId: object
    readonly shape: ReadonlyArray<number>
    readonly dtype: 'float32'
  }) => Tensor
}

/**
 * `fromHost` that copies the numbers into TensorFlow's own tensor at once. tfjs-node keeps the array it is given until the first operation
 * uses it, so that it must be copied before and lies in memory a second time: for weights that are streamed, most of the time and memory.
 */
export const uploader =
  (tf: Tf, { binding, tensorMap }: NodeKernelBackend) =>
  ({ shape, data }: HostTensor): Tensor => {
    if (sizeOf(shape) !== data.length)
      throw new ShapeError(`shape [${shape}] holds ${sizeOf(shape)} elements, the data ${data.length}`)
    const numbers = data instanceof Float32Array ? data : Float32Array.from(data)
    const dataId = {}
    const id = binding.createTensor(shape, binding.TF_FLOAT, numbers)
    tensorMap.set(dataId, { shape, dtype: binding.TF_FLOAT, id, values: null, refCount: 1 })
    return (tf.engine() as unknown as Engine).makeTensorFromTensorInfo({ dataId, shape, dtype: 'float32' })
  }

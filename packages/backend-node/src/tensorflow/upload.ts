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

/** TensorFlow takes an array as it is, without a copy, where its address is a multiple of at least this; allocators give no less. */
const ALIGNMENT = 16

/**
 * Numbers that TensorFlow will copy, or that nobody else holds. `TF_NewTensor` shares an aligned array with its caller, who may write over it
 * (streamed weights do: in 2 of 5 runs of a 3B policy a layer then computed with the numbers of the next weight); a misaligned view it copies.
 */
const unshared = (data: HostTensor['data']): Float32Array =>
  data instanceof Float32Array && data.byteOffset % ALIGNMENT !== 0 ? data : new Float32Array(data)

/**
 * `fromHost` that hands the numbers to TensorFlow at once. tfjs-node keeps the array it is given until the first operation
 * uses it, so that it must be copied before and lies in memory a second time: for weights that are streamed, most of the time and memory.
 */
export const uploader =
  (tf: Tf, { binding, tensorMap }: NodeKernelBackend) =>
  ({ shape, data }: HostTensor): Tensor => {
    if (sizeOf(shape) !== data.length)
      throw new ShapeError(`shape [${shape}] holds ${sizeOf(shape)} elements, the data ${data.length}`)
    const numbers = unshared(data)
    const dataId = {}
    const id = binding.createTensor(shape, binding.TF_FLOAT, numbers)
    tensorMap.set(dataId, { shape, dtype: binding.TF_FLOAT, id, values: null, refCount: 1 })
    return (tf.engine() as unknown as Engine).makeTensorFromTensorInfo({ dataId, shape, dtype: 'float32' })
  }

import type { TensorInfo } from '../wasm/heap.ts'

/** A value that an operation of TensorFlow is made with. */
export interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: number | boolean
}

/** What our kernels use of tfjs-node's backend. Its own types declare half of this private. */
export interface NodeKernelBackend {
  binding: {
    readonly TF_Version?: string
    readonly TF_FLOAT: number
    readonly TF_INT32: number
    readonly TF_ATTR_TYPE: number
    readonly TF_ATTR_BOOL: number
    readonly TF_ATTR_INT: number
    readonly TF_ATTR_FLOAT: number
    readonly createTensor: (shape: ReadonlyArray<number>, dtype: number, values: Int32Array | Float32Array) => number
    readonly deleteTensor: (id: number) => void
    readonly tensorDataSync: (id: number) => unknown
    readonly executeOp: (
      name: string,
      attributes: ReadonlyArray<Attribute>,
      inputs: ReadonlyArray<number>,
      outputs: number,
    ) => ReadonlyArray<{ readonly id: number; readonly shape: number[]; readonly dtype: number }>
  }
  readonly isUsingGpuDevice?: boolean
  readonly tensorMap: { readonly set: (dataId: object, entry: object) => void }
  readonly disposeData: (dataId: object, force?: boolean) => unknown
  readonly getInputTensorIds: (tensors: ReadonlyArray<TensorInfo>) => number[]
}

/** An operation of TensorFlow with fixed attributes: float32 tensors and numbers of `constants` in, float32 tensors out. */
export type Execute = (
  name: string,
  inputs: ReadonlyArray<TensorInfo>,
  options?: {
    readonly attributes?: ReadonlyArray<Attribute>
    /** Native tensors behind the inputs; they stay the caller's. */
    readonly constants?: ReadonlyArray<number>
    readonly outputs?: number
  },
) => TensorInfo[]

const none: ReadonlyArray<never> = []

/**
 * Run an operation and adopt its results. Shorter than tfjs-node's own way, which builds its attributes anew in each call and makes a
 * tensor of the engine out of every result, that the engine then makes a second time.
 */
export const executor =
  (backend: NodeKernelBackend): Execute =>
  (name, inputs, { attributes = none, constants = none, outputs = 1 } = {}) => {
    const ids = backend.getInputTensorIds(inputs)
    return backend.binding.executeOp(name, attributes, [...ids, ...constants], outputs).map(({ id, shape, dtype }) => {
      const dataId = {}
      backend.tensorMap.set(dataId, { shape, dtype, id, values: null, refCount: 1 })
      return { dataId, shape, dtype: 'float32' }
    })
  }

/** Have every call into the library pass through `timed`. The binding's own properties cannot be written, so an heir of it takes its place. */
export const timeNative = (backend: NodeKernelBackend, timed: <A>(name: string, call: () => A) => A): void => {
  const { binding } = backend
  const heir = Object.create(binding, {
    executeOp: {
      value: (...call: Parameters<typeof binding.executeOp>) => timed(call[0], () => binding.executeOp(...call)),
    },
    createTensor: {
      value: (...call: Parameters<typeof binding.createTensor>) =>
        timed('(upload)', () => binding.createTensor(...call)),
    },
    deleteTensor: { value: (id: number) => timed('(free)', () => binding.deleteTensor(id)) },
    tensorDataSync: { value: (id: number) => timed('(read)', () => binding.tensorDataSync(id)) },
  }) as NodeKernelBackend['binding']
  backend.binding = heir
}

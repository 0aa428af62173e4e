import { DeviceFault } from '@durian/backend-tfjs'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { type HalfForm, LARGEST_HALF } from './halfWgsl.ts'
import { sizeOf } from './kernel.ts'
import { type Launcher, widened } from './program.ts'

type DataId = TensorInfo['dataId']

/**
 * Tensors whose numbers lie in 16 bits. To tfjs such a tensor is float32 of its full shape; its buffer holds a word for every two numbers.
 * Programs that declare it read it as it is; for all others, and for reads, it is widened first.
 */
export interface Halves {
  readonly form: HalfForm
  readonly has: (x: Pick<TensorInfo, 'dataId'>) => boolean
  /** A new one, not yet written. */
  readonly make: (shape: ReadonlyArray<number>) => TensorInfo
  /** A copy of x in 16 bits that goes when x goes, made by the first who asks; the caller owns one reference. */
  readonly copyOf: (x: TensorInfo, make: () => TensorInfo) => TensorInfo
  /** Where programs note numbers that did not fit; the next read on this device fails with them. */
  readonly overflow: () => TensorInfo
  /** Make tfjs's backend widen what its own kernels and reads meet. Once, when programs can be launched. */
  readonly guard: (launch: Launcher) => void
}

export const halvesOf = (
  backend: WebGPUBackend,
  { form, name }: { readonly form: HalfForm; readonly name: string },
): Halves => {
  /** How many numbers each has: the last word may hold one too many. */
  const known = new WeakMap<DataId, number>()
  const copies = new Map<DataId, TensorInfo>()
  let noted: TensorInfo | undefined
  let unread = false

  const has: Halves['has'] = ({ dataId }) => known.has(dataId)
  const make: Halves['make'] = (shape) => {
    const { dataId } = backend.makeTensorInfo([Math.ceil(sizeOf(shape) / 2)], 'int32')
    known.set(dataId, sizeOf(shape))
    return { dataId, shape: [...shape], dtype: 'float32' }
  }

  const guard: Halves['guard'] = (launch) => {
    const wide = (x: TensorInfo): TensorInfo => {
      const size = sizeOf(x.shape)
      const [made] = launch(widened, {
        inputs: [x],
        outputs: [x.shape],
        numbers: { size },
        groups: Math.ceil(size / widened.threads),
      })
      return made!
    }
    const run = backend.runWebGPUProgram.bind(backend)
    backend.runWebGPUProgram = (program, inputs, ...rest) => {
      if (!inputs.some(has)) return run(program, inputs, ...rest)
      const floats = inputs.map((x) => (has(x) ? wide(x) : x))
      const out = run(program, floats, ...rest)
      floats.forEach((x, i) => x !== inputs[i] && backend.disposeData(x.dataId))
      return out
    }
    const read = backend.read.bind(backend)
    const noteRead = async (): Promise<void> => {
      if (noted === undefined || !unread) return
      unread = false
      const [bits = 0] = (await read(noted.dataId)) as Int32Array
      if (bits === 0) return
      backend.disposeData(noted.dataId)
      noted = undefined
      const value = new Float32Array(Int32Array.of(bits).buffer)[0]!
      throw new DeviceFault({
        _tag: 'DeviceFailed',
        backend: name,
        reason: `a number of size ${value.toPrecision(3)} does not fit into 16 bits, whose largest is ${LARGEST_HALF}; use precision float32`,
      })
    }
    backend.read = async (dataId) => {
      const size = known.get(dataId)
      const wider = size === undefined ? undefined : wide({ dataId, shape: [size], dtype: 'float32' })
      const [values, note] = await Promise.allSettled([read(wider?.dataId ?? dataId), noteRead()])
      if (wider !== undefined) backend.disposeData(wider.dataId)
      if (values.status === 'rejected') throw values.reason
      if (note.status === 'rejected') throw note.reason
      return values.value
    }
    const dispose = backend.disposeData.bind(backend)
    backend.disposeData = (dataId, force) => {
      const gone = dispose(dataId, force)
      const copy = copies.get(dataId)
      if (gone && copy !== undefined) {
        copies.delete(dataId)
        dispose(copy.dataId)
      }
      return gone
    }
  }

  return {
    form,
    has,
    make,
    copyOf: (x, makeCopy) => {
      const copy = copies.get(x.dataId) ?? makeCopy()
      copies.set(x.dataId, copy)
      backend.incRef(copy.dataId)
      return { ...copy, shape: x.shape }
    },
    overflow: () => {
      unread = true
      return (noted ??= backend.makeTensorInfo([1], 'int32', new Int32Array(1)))
    },
    guard,
  }
}

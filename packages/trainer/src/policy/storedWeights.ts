import { type Params, type Shape, sizeOf, type TensorOps, type WeightSource } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { narrowed, widened } from '../io/floats.ts'
import { floatsOf, type NamedTensor, wordsOf } from '../io/safetensors.ts'
import type { FloatDtype } from '../io/safetensorsHeader.ts'
import type { PolicyConfig } from './config.ts'
import { eachWeight } from './files.ts'

/** A weight on the host, in 16 bits or 32. */
export type StoredWeight =
  | { readonly dtype: 'F32'; readonly shape: Shape; readonly numbers: Float32Array }
  | { readonly dtype: 'F16' | 'BF16'; readonly shape: Shape; readonly numbers: Uint16Array }

/** Weights on the host under the Hub's names. */
export type StoredWeights = ReadonlyMap<string, StoredWeight>

/** `base_dtype` as the file format has it; null = as the file has it. */
export const storedDtypes = { auto: null, float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const

/** A tensor of a file in the bits to keep; null keeps those of the file. */
export const stored = (tensor: NamedTensor, dtype: FloatDtype | null): StoredWeight => {
  const { shape } = tensor
  const kept = dtype ?? tensor.dtype
  if (kept === 'F32') return { dtype: kept, shape, numbers: floatsOf(tensor) }
  return { dtype: kept, shape, numbers: kept === tensor.dtype ? wordsOf(tensor) : narrowed(floatsOf(tensor), kept) }
}

/** The weights of a model folder as they are kept on the host: 2 bytes a number where they are 16-bit floats. */
export const loadStoredWeights = (
  dir: string,
  config: PolicyConfig,
  dtype: FloatDtype | null,
): TE.TaskEither<TrainError, StoredWeights> =>
  attempt(async (take) => {
    const weights = new Map<string, StoredWeight>()
    await take(eachWeight(dir, config, { visit: (tensor) => void weights.set(tensor.name, stored(tensor, dtype)) }))
    return weights
  })

/** Bytes on the host. */
export const storedBytes = (weights: StoredWeights): number =>
  [...weights.values()].reduce((total, { numbers }) => total + numbers.byteLength, 0)

/** Float32 numbers of a part of a weight; those of 16 bits are widened into `scratch`, which the next call writes over. */
const floats = (
  { dtype, numbers }: StoredWeight,
  scratch: (length: number) => Float32Array<ArrayBuffer>,
  { begin, end }: { readonly begin: number; readonly end: number } = { begin: 0, end: numbers.length },
): Float32Array =>
  dtype === 'F32' ? numbers.subarray(begin, end) : widened(numbers.subarray(begin, end), dtype, scratch(end - begin))

/**
 * A growing array that is used again and again: fresh memory costs more than the widening, page by page.
 * It begins one number behind its buffer: TensorFlow copies what is not aligned, so that the backend need not copy it once more.
 */
const scratchpad = (): ((length: number) => Float32Array<ArrayBuffer>) => {
  let memory = new Float32Array(0)
  return (length) => {
    if (memory.length <= length) memory = new Float32Array(length + 1)
    return memory.subarray(1, length + 1)
  }
}

/**
 * Weights that come to the device when they are asked for, widened to float32: each `under` makes new tensors, which the memory scope
 * around it frees. Same numbers as resident weights of the same bits. Of a table only the rows asked for need come.
 */
export const streamedWeights = <T>(ops: TensorOps<T>, weights: StoredWeights): WeightSource<T> => {
  const scratch = scratchpad()
  return {
    under: (prefix) => {
      const params: Record<string, T> = {}
      for (const [name, weight] of weights)
        if (name.startsWith(prefix))
          params[name.slice(prefix.length)] = ops.fromHost({ shape: weight.shape, data: floats(weight, scratch) })
      return params satisfies Params<T>
    },
    rows: (name, ids) => {
      const weight = weights.get(name)!
      const width = sizeOf(weight.shape) / weight.shape[0]!
      const data = new Float32Array(ids.length * width)
      for (let row = 0; row < ids.length; row++) {
        const begin = ids[row]! * width
        data.set(floats(weight, scratch, { begin, end: begin + width }), row * width)
      }
      return ops.fromHost({ shape: [ids.length, width], data })
    },
  }
}

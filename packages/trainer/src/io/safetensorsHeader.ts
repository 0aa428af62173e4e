import { type Shape, sizeOf } from '@durian/core'
import { either as E } from 'fp-ts'

/** Bytes of a value, by the format's names: safetensors@v0.5 safetensors/src/tensor.rs, Dtype. */
const widths = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, F8_E8M0: 1 },
  ...{ U16: 2, I16: 2, F16: 2, BF16: 2 },
  ...{ U32: 4, I32: 4, F32: 4 },
  ...{ U64: 8, I64: 8, F64: 8 },
} as const
export type Dtype = keyof typeof widths
/** Kinds of numbers that weights are read from and written to. */
export type FloatDtype = 'F32' | 'F16' | 'BF16'

export const bytesOf = (dtype: Dtype, shape: Shape): number => sizeOf(shape) * widths[dtype]

/** One tensor of a file's header: bytes [begin, end) of the data section. */
export interface TensorEntry {
  readonly dtype: Dtype
  readonly shape: Shape
  readonly begin: number
  readonly end: number
}

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)
const isSize = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 0
const isDtype = (u: unknown): u is Dtype => typeof u === 'string' && Object.hasOwn(widths, u)

const decodeEntry = (name: string, entry: unknown): E.Either<string, TensorEntry> => {
  if (!isRecord(entry)) return E.left(`tensor '${name}' has no description`)
  const { dtype, shape, data_offsets: offsets } = entry
  if (!isDtype(dtype)) return E.left(`tensor '${name}' has dtype ${JSON.stringify(dtype)}, which is none of the format`)
  if (!Array.isArray(shape) || !shape.every(isSize)) return E.left(`tensor '${name}' has no valid shape`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    return E.left(`tensor '${name}' has no valid data_offsets`)
  const [begin, end] = offsets as [number, number]
  const needed = bytesOf(dtype, shape)
  if (end - begin !== needed)
    return E.left(`tensor '${name}' has ${end - begin} bytes, its shape [${shape.join(', ')}] needs ${needed}`)
  return E.right({ dtype, shape, begin, end })
}

/**
 * Check a header against the file's size: tensors lie end to end from the first byte of the data to the last, as the format demands, so
 * that no read can leave the file and no two tensors share bytes.
 *
 * @param dataBytes - bytes behind the header
 * @returns entries by name, in the order of their data; Left: what is wrong, without the file's name
 */
export const decodeHeader = (json: unknown, dataBytes: number): E.Either<string, ReadonlyMap<string, TensorEntry>> => {
  if (!isRecord(json)) return E.left('its header is not a JSON object')
  const entries: Array<readonly [string, TensorEntry]> = []
  for (const [name, described] of Object.entries(json)) {
    if (name === '__metadata__') continue
    const entry = decodeEntry(name, described)
    if (E.isLeft(entry)) return entry
    entries.push([name, entry.right])
  }
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const [name, { begin, end }] of entries) {
    if (end > dataBytes)
      return E.left(`tensor '${name}' ends at byte ${end} of ${dataBytes}: the file is cut short, download it again`)
    if (begin < at) return E.left(`tensor '${name}' begins at byte ${begin}, inside the tensor before it`)
    if (begin > at) return E.left(`bytes ${at} to ${begin}, before tensor '${name}', belong to no tensor`)
    at = end
  }
  if (at !== dataBytes) return E.left(`it holds ${dataBytes - at} bytes behind its last tensor`)
  return E.right(new Map(entries))
}

import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type HostTensor, type Shape, sizeOf } from '@durian/core'
import type { either as E, taskEither as TE } from 'fp-ts'
import { either } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'

/** One tensor of a file's header: bytes [begin, end) of the data section. */
export interface TensorEntry {
  readonly dtype: keyof typeof widths
  readonly shape: Shape
  readonly begin: number
  readonly end: number
}

export type Tensors = Readonly<Record<string, HostTensor & { readonly data: Float32Array }>>

const widths = { F32: 4, F16: 2, BF16: 2 } as const
/** The format's own limit for a header, 100 MB. */
const MAX_HEADER = 100_000_000
const LENGTH_BYTES = 8
/** One read call moves at most this much: Node refuses reads of 2 GiB. */
const CHUNK = 2 ** 28

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === 'object' && u !== null && !Array.isArray(u)
const isSize = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 0

/**
 * Check a header against the file's size, so that no read can leave the file.
 *
 * @param dataBytes - bytes behind the header
 * @returns entries by name; Left: what is wrong, without the file's name
 */
export const decodeHeader = (json: unknown, dataBytes: number): E.Either<string, ReadonlyMap<string, TensorEntry>> => {
  if (!isRecord(json)) return either.left('its header is not a JSON object')
  const entries = new Map<string, TensorEntry>()
  for (const [name, entry] of Object.entries(json)) {
    if (name === '__metadata__') continue
    if (!isRecord(entry)) return either.left(`tensor '${name}' has no description`)
    const { dtype, shape, data_offsets: offsets } = entry
    if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
      return either.left(`tensor '${name}' has dtype ${JSON.stringify(dtype)}; F32, F16 and BF16 can be read`)
    if (!Array.isArray(shape) || !shape.every(isSize)) return either.left(`tensor '${name}' has no valid shape`)
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
      return either.left(`tensor '${name}' has no valid data_offsets`)
    const [begin, end] = offsets as [number, number]
    if (end - begin !== sizeOf(shape) * widths[dtype])
      return either.left(
        `tensor '${name}' has ${end - begin} bytes, its shape [${shape.join(', ')}] needs ${sizeOf(shape as Shape) * widths[dtype]}`,
      )
    if (end > dataBytes)
      return either.left(
        `tensor '${name}' ends at byte ${end} of ${dataBytes}: the file is cut short, download it again`,
      )
    entries.set(name, { dtype, shape: shape, begin, end })
  }
  return either.right(entries)
}

const HALF_SUBNORMAL = 2 ** -24

const halfToFloat = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * HALF_SUBNORMAL : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

const widened = (bytes: Uint8Array, dtype: TensorEntry['dtype']): Float32Array => {
  const aligned = bytes.slice() // a fresh buffer starts at 0, which typed arrays need
  if (dtype === 'F32') return new Float32Array(aligned.buffer)
  const halves = new Uint16Array(aligned.buffer)
  if (dtype === 'F16') return Float32Array.from(halves, halfToFloat)
  const words = new Uint32Array(halves.length)
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16
  return new Float32Array(words.buffer)
}

const readExactly = async (file: FileHandle, position: number, length: number): Promise<Uint8Array | undefined> => {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, Math.min(CHUNK, length - done), position + done)
    if (bytesRead === 0) return undefined
    done += bytesRead
  }
  return bytes
}

const ioReason = (thrown: unknown): string => {
  const code = (thrown as { readonly code?: unknown }).code
  if (code === 'ENOENT') return 'there is no such file'
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/**
 * Read a safetensors file; 16-bit floats are widened to float32.
 *
 * @param wanted - names to read; default all
 * @returns Left: a sentence that names the file and, where it applies, the tensor
 */
export const readSafetensors = (path: string, wanted?: (name: string) => boolean): TE.TaskEither<TrainError, Tensors> =>
  attempt(async (take) => {
    const fail = (reason: string) => take<never>(either.left(badInput(`${path}: ${reason}.`)))
    const file = await open(path, 'r').catch((thrown: unknown) => fail(ioReason(thrown)))
    try {
      const { size } = await file.stat()
      const prefix = await readExactly(file, 0, LENGTH_BYTES)
      if (prefix === undefined) return await fail(`it has ${size} bytes and no safetensors header`)
      const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true))
      if (headerBytes > MAX_HEADER || headerBytes + LENGTH_BYTES > size)
        return await fail(`its header claims ${headerBytes} bytes of ${size}: it is cut short or no safetensors file`)
      const header = await readExactly(file, LENGTH_BYTES, headerBytes)
      if (header === undefined) return await fail('it shrank while it was read')
      const entries = decodeHeader(parsed(header), size - LENGTH_BYTES - headerBytes)
      if (either.isLeft(entries)) return await fail(entries.left)
      const tensors: Record<string, Tensors[string]> = {}
      for (const [name, { dtype, shape, begin, end }] of entries.right) {
        if (wanted !== undefined && !wanted(name)) continue
        const bytes = await readExactly(file, LENGTH_BYTES + headerBytes + begin, end - begin)
        if (bytes === undefined) return await fail('it shrank while it was read')
        tensors[name] = { shape, data: widened(bytes, dtype) }
      }
      return tensors
    } finally {
      await file.close()
    }
  })

const parsed = (header: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header))
  } catch {
    return undefined
  }
}

/**
 * Write float32 tensors as one safetensors file that PyTorch loaders accept (`__metadata__.format` is `pt`), names sorted.
 * Atomic: the file appears whole or not at all; a half-written one lies beside it as `.NAME.tmp` only while this runs.
 */
export const writeSafetensors = (
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const temporary = join(dirname(path), `.${basename(path)}.tmp`)
    try {
      const file = await open(temporary, 'w')
      try {
        for (const bytes of encoded(tensors)) await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (thrown) {
      await rm(temporary, { force: true })
      await take(either.left(runFailed(`${path}: could not be written: ${ioReason(thrown)}.`)))
    }
  })

/** The file's bytes in pieces: length and header, padded to 8 bytes with spaces, then the data of each tensor. */
const encoded = function* (tensors: Readonly<Record<string, HostTensor>>): Generator<Uint8Array> {
  const names = Object.keys(tensors).sort()
  let offset = 0
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  for (const name of names) {
    const { shape } = tensors[name]!
    const end = offset + sizeOf(shape) * widths.F32
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, end] }
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const padded = new Uint8Array(LENGTH_BYTES + Math.ceil(json.length / 8) * 8).fill(0x20)
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - LENGTH_BYTES), true)
  padded.set(json, LENGTH_BYTES)
  yield padded
  for (const name of names) {
    const { data } = tensors[name]!
    const floats = data instanceof Float32Array ? data : Float32Array.from(data)
    yield new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
  }
}

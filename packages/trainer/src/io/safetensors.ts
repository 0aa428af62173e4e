import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type HostTensor, type Shape } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { widened } from './floats.ts'
import { bytesOf, decodeHeader, type FloatDtype, type TensorEntry } from './safetensorsHeader.ts'

export type Tensors = Readonly<Record<string, HostTensor & { readonly data: Float32Array }>>

/** One tensor as the file holds it. */
export interface StoredTensor {
  readonly dtype: FloatDtype
  readonly shape: Shape
  /** Little-endian values in a buffer of their own, which begins at the first. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface NamedTensor extends StoredTensor {
  readonly name: string
}

/** The 16 bits of each value; the buffer is shared. */
export const wordsOf = ({ bytes }: StoredTensor): Uint16Array<ArrayBuffer> =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)

/** Values as float32, exactly; for F32 the buffer is shared. */
export const floatsOf = (tensor: StoredTensor): Float32Array =>
  tensor.dtype === 'F32'
    ? new Float32Array(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength / 4)
    : widened(wordsOf(tensor), tensor.dtype)

/** The format's own limit for a header, 100 MB. */
const MAX_HEADER = 100_000_000
const LENGTH_BYTES = 8
/** One read call moves at most this much: Node refuses reads of 2 GiB. */
const CHUNK = 2 ** 28

const readExactly = async (
  file: FileHandle,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
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
  if (code === 'EISDIR') return 'it is a folder'
  return thrown instanceof Error ? thrown.message : String(thrown)
}

const parsed = (header: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header))
  } catch {
    return undefined
  }
}

interface OpenFile {
  readonly file: FileHandle
  readonly entries: ReadonlyMap<string, TensorEntry>
  /** Where the data begin. */
  readonly dataAt: number
}

const withFile = <A>(path: string, use: (opened: OpenFile) => Promise<A>): TE.TaskEither<TrainError, A> =>
  attempt(async (take) => {
    const fail = (reason: string) => take<never>(E.left(badInput(`${path}: ${reason}.`)))
    const file = await open(path, 'r').catch((thrown: unknown) => fail(ioReason(thrown)))
    try {
      const { size } = await file.stat()
      const read = (position: number, length: number) =>
        readExactly(file, position, length).catch((thrown: unknown) => fail(ioReason(thrown)))
      const prefix = await read(0, LENGTH_BYTES)
      if (prefix === undefined) return await fail(`it has ${size} bytes and no safetensors header`)
      const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true))
      if (headerBytes > MAX_HEADER || headerBytes + LENGTH_BYTES > size)
        return await fail(`its header claims ${headerBytes} bytes of ${size}: it is cut short or no safetensors file`)
      const header = await read(LENGTH_BYTES, headerBytes)
      if (header === undefined) return await fail('it shrank while it was read')
      const dataAt = LENGTH_BYTES + headerBytes
      const entries = decodeHeader(parsed(header), size - dataAt)
      return E.isLeft(entries) ? await fail(entries.left) : await use({ file, entries: entries.right, dataAt })
    } finally {
      await file.close()
    }
  })

/** The header of a safetensors file, checked against its size; no data are read. Left: a sentence that names the file. */
export const readTensorEntries = (path: string): TE.TaskEither<TrainError, ReadonlyMap<string, TensorEntry>> =>
  withFile(path, ({ entries }) => Promise.resolve(entries))

export interface EachTensorOptions {
  /** Names to read; default all. */
  readonly wanted?: (name: string) => boolean
  /** Gets one tensor after the other, in the file's order; the next is read when it is done. What it keeps is its own. */
  readonly visit: (tensor: NamedTensor) => void | Promise<void>
}

/**
 * Read a safetensors file one tensor at a time, in the file's own 16 or 32 bits: no more than one is in memory here.
 *
 * @returns Left: a sentence that names the file and, where it applies, the tensor
 */
export const eachTensor = (path: string, { wanted, visit }: EachTensorOptions): TE.TaskEither<TrainError, void> =>
  attempt((take) =>
    take(
      withFile(path, async ({ file, entries, dataAt }) => {
        const fail = (reason: string) => take<never>(E.left(badInput(`${path}: ${reason}.`)))
        for (const [name, { dtype, shape, begin, end }] of entries) {
          if (wanted !== undefined && !wanted(name)) continue
          if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
            return fail(`tensor '${name}' has dtype "${dtype}"; F32, F16 and BF16 can be read`)
          const bytes = await readExactly(file, dataAt + begin, end - begin).catch((thrown: unknown) =>
            fail(ioReason(thrown)),
          )
          if (bytes === undefined) return fail('it shrank while it was read')
          await visit({ name, dtype, shape, bytes })
        }
      }),
    ),
  )

/**
 * Read a safetensors file; 16-bit floats are widened to float32.
 *
 * @param wanted - names to read; default all
 * @returns Left: a sentence that names the file and, where it applies, the tensor
 */
export const readSafetensors = (path: string, wanted?: (name: string) => boolean): TE.TaskEither<TrainError, Tensors> =>
  attempt(async (take) => {
    const tensors: Record<string, Tensors[string]> = {}
    await take(
      eachTensor(path, {
        ...(wanted === undefined ? {} : { wanted }),
        visit: (tensor) => {
          tensors[tensor.name] = { shape: tensor.shape, data: floatsOf(tensor) }
        },
      }),
    )
    return tensors
  })

/** A tensor to be written, and where its bytes come from when its turn comes. */
export interface TensorToWrite {
  readonly name: string
  readonly dtype: FloatDtype
  readonly shape: Shape
  readonly bytes: () => Uint8Array | Promise<Uint8Array>
}

/**
 * Write one safetensors file that PyTorch loaders accept (`__metadata__.format` is `pt`), tensors in the given order, each asked for its bytes
 * when the one before is written. Atomic: the file appears whole or not at all; a half-written one lies beside it as `.NAME.tmp` only while
 * this runs.
 */
export const writeTensors = (path: string, tensors: ReadonlyArray<TensorToWrite>): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const temporary = join(dirname(path), `.${basename(path)}.tmp`)
    try {
      const file = await open(temporary, 'w')
      try {
        await file.writeFile(headerOf(tensors))
        for (const { bytes } of tensors) await file.writeFile(await bytes())
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (thrown) {
      await rm(temporary, { force: true })
      if (!(thrown instanceof Error && 'code' in thrown)) throw thrown
      await take(E.left(runFailed(`${path}: could not be written: ${ioReason(thrown)}.`)))
    }
  })

/** Length and header, padded to 8 bytes with spaces. */
const headerOf = (tensors: ReadonlyArray<TensorToWrite>): Uint8Array => {
  let offset = 0
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  for (const { name, dtype, shape } of tensors) {
    const end = offset + bytesOf(dtype, shape)
    header[name] = { dtype, shape, data_offsets: [offset, end] }
    offset = end
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const padded = new Uint8Array(LENGTH_BYTES + Math.ceil(json.length / 8) * 8).fill(0x20)
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - LENGTH_BYTES), true)
  padded.set(json, LENGTH_BYTES)
  return padded
}

/** `writeTensors` of float32 values, names sorted. */
export const writeSafetensors = (
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
): TE.TaskEither<TrainError, void> =>
  writeTensors(
    path,
    Object.keys(tensors)
      .sort()
      .map((name) => {
        const { shape, data } = tensors[name]!
        const bytes = (): Uint8Array => {
          const floats = data instanceof Float32Array ? data : Float32Array.from(data)
          return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
        }
        return { name, dtype: 'F32', shape, bytes }
      }),
  )

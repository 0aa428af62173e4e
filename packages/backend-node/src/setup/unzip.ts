import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PassThrough } from 'node:stream'
import { createInflateRaw, inflateRawSync } from 'node:zlib'
import { SetupFault } from './fault.ts'

/** A file in a zip archive. */
export interface ZipMember {
  readonly name: string
  readonly method: number
  readonly compressed: number
  readonly size: number
  readonly headerAt: number
}

const bytesAt = async (file: FileHandle, at: number, count: number): Promise<Buffer> => {
  const bytes = Buffer.alloc(count)
  const { bytesRead } = await file.read(bytes, 0, count, at)
  if (bytesRead !== count) throw new SetupFault('The archive is cut short; delete it and run the same command again.')
  return bytes
}

const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50

interface Directory {
  readonly at: number
  readonly length: number
}

/** Where the central directory is (APPNOTE 4.3.14 to 4.3.16). */
const findDirectory = async (file: FileHandle, size: number): Promise<Directory> => {
  const tailLength = Math.min(size, 65_557)
  const tail = await bytesAt(file, size - tailLength, tailLength)
  for (let i = tailLength - 22; i >= 0; i--) {
    if (tail.readUInt32LE(i) !== END) continue
    const [length, at] = [tail.readUInt32LE(i + 12), tail.readUInt32LE(i + 16)]
    if (at !== 0xffffffff && length !== 0xffffffff) return { at, length }
    if (i < 20 || tail.readUInt32LE(i - 20) !== LOCATOR_64) break
    const end = await bytesAt(file, Number(tail.readBigUInt64LE(i - 12)), 56)
    if (end.readUInt32LE(0) !== END_64) break
    return { at: Number(end.readBigUInt64LE(48)), length: Number(end.readBigUInt64LE(40)) }
  }
  throw new SetupFault('The file is no zip archive; a wheel is expected.')
}

/** Sizes and offset past 4 GiB stand in the extra field 1, in this order, each only where the plain field is full. */
const widened = (plain: ReadonlyArray<number>, extra: Buffer): ReadonlyArray<number> => {
  for (let i = 0; i + 4 <= extra.length; i += 4 + extra.readUInt16LE(i + 2)) {
    if (extra.readUInt16LE(i) !== 1) continue
    let next = i + 4
    return plain.map((value) => {
      if (value !== 0xffffffff) return value
      next += 8
      return Number(extra.readBigUInt64LE(next - 8))
    })
  }
  return plain
}

const membersOf = async (file: FileHandle): Promise<ReadonlyArray<ZipMember>> => {
  const { size } = await file.stat()
  const { at, length } = await findDirectory(file, size)
  const directory = await bytesAt(file, at, length)
  const members: ZipMember[] = []
  for (let i = 0; i + 46 <= length && directory.readUInt32LE(i) === ENTRY;) {
    const [nameLength, extraLength] = [directory.readUInt16LE(i + 28), directory.readUInt16LE(i + 30)]
    const [plain, extraAt] = [[24, 20, 42].map((field) => directory.readUInt32LE(i + field)), i + 46 + nameLength]
    const [bytes, compressed, headerAt] = widened(plain, directory.subarray(extraAt, extraAt + extraLength))
    members.push({
      name: directory.toString('utf8', i + 46, extraAt),
      method: directory.readUInt16LE(i + 10),
      compressed: compressed!,
      size: bytes!,
      headerAt: headerAt!,
    })
    i = extraAt + extraLength + directory.readUInt16LE(i + 32)
  }
  return members
}

interface Copy {
  readonly archive: string
  readonly file: FileHandle
  readonly member: ZipMember
  readonly to: string
}

const copyMember = async ({ archive, file, member, to }: Copy): Promise<void> => {
  const local = await bytesAt(file, member.headerAt, 30)
  if (local.readUInt32LE(0) !== LOCAL || (member.method !== 0 && member.method !== 8))
    throw new SetupFault(
      `The archive's member ${member.name} cannot be read; delete the archive and run the same command again.`,
    )
  const start = member.headerAt + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
  await mkdir(dirname(to), { recursive: true })
  const target = createWriteStream(to)
  // an empty range cannot be asked of a read stream
  if (member.compressed === 0) return void (await new Promise<void>((done) => target.end(done)))
  const source = createReadStream(archive, { start, end: start + member.compressed - 1 })
  await pipeline(source, member.method === 8 ? createInflateRaw() : new PassThrough(), target)
  if (target.bytesWritten !== member.size)
    throw new SetupFault(
      `The archive's member ${member.name} has ${target.bytesWritten} bytes, not ${member.size}; delete the archive and run the same command again.`,
    )
}

export interface UnzipOptions {
  readonly archive: string
  readonly to: string
  /** Where a member goes below `to`; null leaves it out. */
  readonly place: (name: string) => string | null
}

/**
 * Unpack some members of a zip archive of any size (zip64 too), stored or deflated, without holding them in memory.
 * Resolves to where they went, below `to`. Throws SetupFault for a damaged archive and for a path that leaves `to`.
 */
export const unzip = async ({ archive, to, place }: UnzipOptions): Promise<ReadonlyArray<string>> => {
  const file = await open(archive, 'r')
  try {
    const written: string[] = []
    for (const member of await membersOf(file)) {
      const wanted = place(member.name)
      if (wanted === null) continue
      const target = join(to, wanted)
      if (relative(to, target).startsWith('..'))
        throw new SetupFault(`The archive would write outside its folder: ${member.name}.`)
      await copyMember({ archive, file, member, to: target })
      written.push(wanted)
    }
    return written
  } finally {
    await file.close()
  }
}

/** The text of the one small member that a pattern names; null where there is none. */
export const readMember = async (archive: string, pattern: RegExp): Promise<string | null> => {
  const file = await open(archive, 'r')
  try {
    const member = (await membersOf(file)).find(({ name }) => pattern.test(name))
    if (member === undefined) return null
    const local = await bytesAt(file, member.headerAt, 30)
    const start = member.headerAt + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
    const bytes = await bytesAt(file, start, member.compressed)
    if (member.method === 0) return bytes.toString('utf8')
    return inflateRawSync(bytes).toString('utf8')
  } finally {
    await file.close()
  }
}

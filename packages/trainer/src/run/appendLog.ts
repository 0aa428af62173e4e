import { open, type FileHandle } from 'node:fs/promises'

/** A file that only grows, and whose length is known. */
export interface AppendLog {
  readonly append: (bytes: Uint8Array) => Promise<void>
  /** Bytes written so far, all of them on the disk: what a checkpoint stores. */
  readonly durableLength: () => Promise<number>
  readonly close: () => Promise<void>
}

/**
 * Opens a log for appending behind its first `length` bytes; what lies behind them is cut off.
 * @throws RangeError when the file is shorter than `length`
 */
export const openAppendLog = async (file: string, length: number): Promise<AppendLog> => {
  const handle: FileHandle = await open(file, 'a+')
  let size = (await handle.stat()).size
  if (size < length) {
    await handle.close()
    throw new RangeError(`${file} has ${size} bytes, and the checkpoint was made when it had ${length}`)
  }
  if (size > length) await handle.truncate(length)
  size = length
  return {
    append: async (bytes) => {
      await handle.appendFile(bytes)
      size += bytes.length
    },
    durableLength: async () => {
      await handle.datasync()
      return size
    },
    close: () => handle.close(),
  }
}

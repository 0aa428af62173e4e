import { either as E } from 'fp-ts'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { textOf } from './cells.ts'

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const dataUrl = /^data:image\/[a-z+.-]+;base64,/i
/** Below this a string is taken for a path: the smallest PNG file is 67 bytes, 92 characters in base64. */
const shortestBase64 = 80

/** What is wrong with a picture cell, as the end of a sentence that begins with the row, and its mend. */
export type PictureFault = readonly [what: string, mend: string]
type Found = E.Either<PictureFault, Uint8Array>
const fault = (what: string, mend: string): Found => E.left([what, mend])

const readPicture = async (path: string, directory: string): Promise<Found> => {
  if (/^https?:/i.test(path))
    return fault(`names a picture on the web (${path})`, 'download it and write its path beside the data file')
  const file = isAbsolute(path) ? path : join(directory, path)
  try {
    const bytes = await readFile(file)
    return E.right(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch {
    return fault(`names the picture ${file}, which cannot be read`, 'paths are relative to the data file')
  }
}

const fromText = async (text: string, directory: string): Promise<Found> => {
  const prefix = dataUrl.exec(text)
  const encoded = prefix === null ? text : text.slice(prefix[0].length)
  if (prefix === null && !(text.length >= shortestBase64 && base64.test(text))) return readPicture(text, directory)
  if (!base64.test(encoded)) return fault('has a picture whose data URL is not base64', 'encode it again')
  return E.right(new Uint8Array(Buffer.from(encoded, 'base64')))
}

/**
 * The encoded bytes of one picture cell: bytes, `{bytes, path}` (bytes win, as in Hugging Face's image columns),
 * a path relative to `directory`, a data URL or base64.
 */
export const pictureBytes = async (cell: unknown, directory: string): Promise<Found> => {
  if (cell instanceof Uint8Array)
    return cell.byteLength > 0 ? E.right(cell) : fault('has an empty picture', 'write its file into `bytes`')
  if (typeof cell === 'string') return fromText(cell, directory)
  if (typeof cell === 'object' && cell !== null) {
    const { bytes, path } = cell as { bytes?: unknown; path?: unknown }
    if (bytes !== null && bytes !== undefined) return pictureBytes(bytes, directory)
    const text = textOf(path)
    if (text !== null) return readPicture(text, directory)
  }
  return fault('has a picture that is neither bytes, {bytes, path}, a path nor a data URL', 'write one of them')
}

/** The pictures of a cell: a list, one picture, or none. */
export const pictureCells = (cell: unknown): ReadonlyArray<unknown> => {
  if (cell === null || cell === undefined) return []
  return Array.isArray(cell) ? cell : [cell]
}

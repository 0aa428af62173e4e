import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { html, type Html } from './html.ts'

/** Data URIs by path relative to the run folder; pictures that are gone are left out. */
export type Pictures = ReadonlyMap<string, string>

/** Above this, a picture is scaled down: the report stays a file that can be mailed. */
const MAX_BYTES = 48 * 1024
const MAX_SIDE = 360

const mime: Readonly<Record<string, string>> = { '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp' }

/** Reads pictures for embedding; large ones become thumbnails. */
export const readPictures = async (run: string, paths: Iterable<string>): Promise<Pictures> => {
  const found = new Map<string, string>()
  for (const path of new Set(paths)) {
    const bytes = await readFile(join(run, path)).catch(() => null)
    if (bytes === null) continue
    const type = mime[extname(path)] ?? 'image/png'
    found.set(path, bytes.length <= MAX_BYTES ? dataUri(type, bytes) : await thumbnail(bytes))
  }
  return found
}

const dataUri = (type: string, bytes: Uint8Array): string =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`

const thumbnail = async (bytes: Uint8Array): Promise<string> => {
  const { default: sharp } = await import('sharp')
  const small = await sharp(bytes)
    .resize(MAX_SIDE, MAX_SIDE, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 80 })
    .toBuffer()
  return dataUri('image/webp', small)
}

export const picture = (pictures: Pictures, path: string, alternative: string): Html => {
  const uri = pictures.get(path)
  return uri === undefined
    ? html`<span class="gone">picture not found</span>`
    : html`<img src="${uri}" alt="${alternative}" loading="lazy" />`
}

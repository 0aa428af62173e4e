import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { right } from '../policy/testing.ts'
import { decodePicture } from './decodePicture.ts'
import { decodeImageSettings, processImage } from './imageProcessor.ts'

const goldens = join(dirname(fileURLToPath(import.meta.url)), '../../goldens')

interface Golden {
  readonly name: string
  readonly grid: ReadonlyArray<number>
  readonly pixels_sha256: string
}
const reference = JSON.parse(readFileSync(join(goldens, 'pictures.json'), 'utf8')) as {
  readonly source: string
  readonly pictures: ReadonlyArray<
    Golden & { readonly width: number; readonly height: number; readonly rgb_sha256: string }
  >
  readonly limits: ReadonlyArray<Golden & { readonly minPixels: number; readonly maxPixels: number }>
}

const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(goldens, 'pictures', name)))
const sha256 = ({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): string =>
  createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')

describe('a picture of every kind', () => {
  it.each(reference.pictures.map((one) => [one.name, one] as const))(
    'golden: %s has every byte that transformers gets from Pillow, and every bit of its pixel values',
    async (name, { width, height, rgb_sha256, grid, pixels_sha256 }) => {
      const picture = right(await decodePicture(bytesOf(name))())
      expect([picture.width, picture.height]).toEqual([width, height])
      expect(sha256(picture.data)).toBe(rgb_sha256)
      const processed = right(await processImage(right(decodeImageSettings({})))(bytesOf(name))())
      expect(processed.grid).toEqual(grid)
      expect(sha256(processed.pixels)).toBe(pixels_sha256)
    },
  )
})

describe('limits on pixels', () => {
  it.each(reference.limits.map((one) => [`${one.name}, ${one.minPixels} to ${one.maxPixels} pixels`, one] as const))(
    'golden: %s',
    async (_, { name, minPixels, maxPixels, grid, pixels_sha256 }) => {
      const settings = right(decodeImageSettings({ min_pixels: minPixels, max_pixels: maxPixels }))
      const processed = right(await processImage(settings)(bytesOf(name))())
      expect(processed.grid).toEqual(grid)
      expect(sha256(processed.pixels)).toBe(pixels_sha256)
    },
  )
})

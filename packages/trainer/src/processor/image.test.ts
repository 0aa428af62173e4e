import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { either as E } from 'fp-ts'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { fixtureDir, right } from '../policy/testing.ts'
import { decodePicture } from './decodePicture.ts'
import { decodeImageSettings, processImage } from './imageProcessor.ts'
import { pillowResize } from './pillowResize.ts'
import { smartResize } from './smartResize.ts'

const goldens = join(dirname(fileURLToPath(import.meta.url)), '../../goldens')

interface Reference {
  readonly resizes: ReadonlyArray<{
    readonly width: number
    readonly height: number
    readonly data: string
    readonly toWidth: number
    readonly toHeight: number
    readonly expected: string
  }>
  readonly sizes: ReadonlyArray<{
    readonly height: number
    readonly width: number
    readonly factor: number
    readonly minPixels: number
    readonly maxPixels: number
    readonly expected: readonly [number, number]
  }>
}
const reference = JSON.parse(readFileSync(join(fixtureDir, 'image_reference.json'), 'utf8')) as Reference

describe('pillowResize', () => {
  it.each(
    reference.resizes.map((one) => [`${one.width}x${one.height} to ${one.toWidth}x${one.toHeight}`, one] as const),
  )('golden: has every byte of Pillow 11.3, %s', (_, { width, height, data, toWidth, toHeight, expected }) => {
    const picture = { width, height, data: new Uint8Array(Buffer.from(data, 'hex')) }
    expect(Buffer.from(pillowResize(picture, toWidth, toHeight).data).toString('hex')).toBe(expected)
  })

  it('property: a picture of one colour stays that colour at any size', () => {
    const edge = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(edge, edge, edge, edge, fc.nat({ max: 255 }), (width, height, toWidth, toHeight, level) => {
        const picture = { width, height, data: new Uint8Array(width * height * 3).fill(level) }
        const resized = pillowResize(picture, toWidth, toHeight)
        expect(resized.data.length).toBe(toWidth * toHeight * 3)
        expect(resized.data.every((value) => value === level)).toBe(true)
      }),
      { seed: 2, numRuns: 100 },
    )
  })
})

describe('smartResize', () => {
  it.each(reference.sizes.map((one) => [`${one.width}x${one.height}`, one] as const))(
    'golden: gives the size that transformers gives, %s',
    (_, { height, width, expected, ...limits }) => {
      expect(smartResize(height, width, limits)).toEqual(E.right({ height: expected[0], width: expected[1] }))
    },
  )

  it('property: edges are positive multiples of the factor, the area is within the limits where the aspect allows', () => {
    const edge = fc.integer({ min: 30, max: 3000 })
    fc.assert(
      fc.property(edge, edge, (height, width) => {
        const limits = { factor: 28, minPixels: 3136, maxPixels: 501760 }
        const result = smartResize(height, width, limits)
        if (E.isLeft(result)) return expect(Math.max(height, width) / Math.min(height, width)).toBeGreaterThan(200)
        const { right: size } = result
        expect(size.height % 28 === 0 && size.width % 28 === 0 && size.height > 0 && size.width > 0).toBe(true)
        expect(size.height * size.width).toBeGreaterThanOrEqual(limits.minPixels)
        if (Math.min(size.height, size.width) > 28)
          expect(size.height * size.width).toBeLessThanOrEqual(limits.maxPixels)
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  it('refuses a picture 200 times as long as wide', () => {
    expect(smartResize(28, 28 * 201, { factor: 28, minPixels: 1, maxPixels: 1e9 })).toMatchObject({ _tag: 'Left' })
  })
})

/** A PNG file whose header promises more pixels than its data hold: nothing may read so far. */
const hugePng = (width: number, height: number): Uint8Array => {
  const chunk = (kind: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(kind), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8) // 8 bits, RGB
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(99))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
const crc32 = (bytes: Uint8Array): number => {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  return ~sum >>> 0
}

describe('decodePicture', () => {
  const raw = Uint8Array.from({ length: 4 * 3 * 4 }, (_, i) => (i * 37) % 256)
  const rgba = sharp(raw, { raw: { width: 4, height: 3, channels: 4 } })

  it('drops transparency without blending, as Pillow does', async () => {
    const picture = right(await decodePicture(new Uint8Array(await rgba.clone().png().toBuffer()))())
    expect([...picture.data]).toEqual([...raw].filter((_, i) => i % 4 !== 3))
  })

  it('makes three channels of a grey picture', async () => {
    const grey = await sharp(raw, { raw: { width: 8, height: 6, channels: 1 } })
      .png()
      .toBuffer()
    const picture = right(await decodePicture(new Uint8Array(grey))())
    expect([...picture.data]).toEqual([...raw].flatMap((level) => [level, level, level]))
  })

  it('says of bytes that are no picture what they could be', async () => {
    for (const bytes of [[], [1, 2, 3]])
      expect(await decodePicture(Uint8Array.from(bytes))()).toEqual(
        E.left('it is no PNG, JPEG, WebP or GIF, or is damaged'),
      )
  })

  it.each(['rgb.png', 'quality_75_420.jpg', 'progressive.jpg', 'lossy.webp'])('refuses %s cut short', async (name) => {
    const bytes = new Uint8Array(readFileSync(join(goldens, 'pictures', name)))
    expect(await decodePicture(bytes.subarray(0, Math.floor(bytes.length * 0.6)))()).toMatchObject(
      E.left(expect.stringMatching(/cannot be decoded|is damaged/) as string),
    )
  })

  it('refuses a picture of 100 megapixels by its header, before it is decoded', async () => {
    const result = await decodePicture(hugePng(10_000, 10_000))()
    expect(result).toEqual(E.left('its 10000 x 10000 pixels are more than 89478485; make it smaller'))
  })

  it('names a format it does not take', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    expect(await decodePicture(new TextEncoder().encode(svg))()).toEqual(
      E.left('it is in svg format; PNG, JPEG, WebP and GIF can be read'),
    )
  })
})

describe('decodeImageSettings', () => {
  it('takes pixel limits from either form and fills in the defaults', () => {
    expect(right(decodeImageSettings({}))).toMatchObject({ patchSize: 14, minPixels: 3136, maxPixels: 1003520 })
    const newer = { size: { shortest_edge: 10, longest_edge: 20 }, patch_size: 7 }
    expect(right(decodeImageSettings(newer))).toMatchObject({ minPixels: 10, maxPixels: 20, patchSize: 7 })
  })

  it('refuses what it cannot do', () => {
    const left = (json: unknown): unknown => {
      const result = decodeImageSettings(json)
      return E.isLeft(result) && result.left
    }
    expect(left({ image_processor_type: 'CLIPImageProcessor' })).toContain('"CLIPImageProcessor" is not supported')
    expect(left({ image_processor_type: 'Qwen2_5_VLImageProcessor', resample: 3 })).toBe(false)
    expect(left({ image_processor_type: 'Qwen2VLImageProcessorFast' })).toBe(false)
    expect(left({ resample: 2 })).toContain('resample')
    expect(left({ do_resize: false })).toContain('do_resize')
    expect(left({ image_mean: [0.5] })).toContain('image_mean')
    expect(left({ patch_size: 0 })).toContain('positive')
  })
})

describe('processImage', () => {
  it('repeats the frame to fill a temporal patch and groups patches by merged token', async () => {
    // 4 x 4 pixels, each its own red level; patches of 2, merged 2 x 2
    const data = Uint8Array.from({ length: 48 }, (_, i) => (i % 3 === 0 ? i / 3 : 0))
    const png = await sharp(data, { raw: { width: 4, height: 4, channels: 3 } })
      .png()
      .toBuffer()
    const settings = right(
      decodeImageSettings({
        patch_size: 1,
        merge_size: 2,
        temporal_patch_size: 2,
        min_pixels: 1,
        image_mean: [0, 0, 0],
        image_std: [1, 1, 1],
        rescale_factor: 1,
      }),
    )
    const { pixels, grid } = right(await processImage(settings)(new Uint8Array(png))())
    expect(grid).toEqual([1, 4, 4])
    const reds = Array.from({ length: 16 }, (_, patch) => [pixels[patch * 6], pixels[patch * 6 + 1]])
    expect(reds).toEqual([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15].map((level) => [level, level]))
  })
})

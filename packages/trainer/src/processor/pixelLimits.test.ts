import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { demoModel } from '../train/testing.ts'
import { decodeImageSettings } from './imageProcessor.ts'
import { loadProcessor } from './loadProcessor.ts'
import { pixelLimited } from './pixelLimits.ts'

const limitsOf = (settings: object | null) => {
  const decoded = decodeImageSettings(settings)
  return E.isRight(decoded) ? [decoded.right.minPixels, decoded.right.maxPixels] : decoded.left
}

describe('pixelLimited', () => {
  it.each([
    ['limits at the top', { min_pixels: 3136, max_pixels: 1003520 }],
    ['limits in size', { size: { shortest_edge: 3136, longest_edge: 1003520 } }],
    ['limits by name in size', { size: { min_pixels: 3136, max_pixels: 1003520 } }],
  ])('is read back with the new limits, and keeps the others: %s', (_, settings) => {
    expect(limitsOf(pixelLimited(settings, { min_pixels: 784, max_pixels: 50176 }))).toEqual([784, 50176])
    expect(limitsOf(pixelLimited(settings, { min_pixels: null, max_pixels: 50176 }))).toEqual([3136, 50176])
    expect(limitsOf(pixelLimited(settings, { min_pixels: 784 }))).toEqual([784, 1003520])
  })

  it('changes nothing without limits, and no other key', () => {
    expect(pixelLimited({ patch_size: 14 }, { min_pixels: null, max_pixels: null })).toBeNull()
    expect(pixelLimited({ patch_size: 14 }, { max_pixels: 99 })).toEqual({ patch_size: 14, max_pixels: 99 })
  })
})

describe("a run's pixel limits", () => {
  it('take the place of the model folder, and must leave room for a picture', async () => {
    const loaded = async (limits: Parameters<typeof loadProcessor>[1]) => {
      const processor = await loadProcessor(demoModel, limits)()
      return E.isRight(processor)
        ? [processor.right.image.minPixels, processor.right.image.maxPixels]
        : sentence(processor.left)
    }
    const [min, max] = (await loaded({})) as [number, number]
    expect(await loaded({ min_pixels: null, max_pixels: max + 784 })).toEqual([min, max + 784])
    expect(await loaded({ min_pixels: 196 })).toEqual([196, max])
    expect(await loaded({ min_pixels: max + 1 })).toMatch(/^min_pixels is \d+ and max_pixels \d+; set both/)
  })
})

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import sharp from 'sharp'
import { pictureSize } from './canvas.ts'
import { pngOf } from './png.ts'
import { syntheticSample } from './sample.ts'
import { families, type SampleAddress, type SyntheticOptions, type SyntheticSample } from './types.ts'

const columns = 8
const scale = 3
const gap = 8

/**
 * Writes one PNG with a row of pictures per family, three times as large, drawn as that stream's are.
 * Returns the samples in reading order, for captions. Rejects with the file system's error.
 */
export const writePreview = async (
  path: string,
  address: Omit<SampleAddress, 'row'>,
  options: SyntheticOptions,
): Promise<ReadonlyArray<SyntheticSample>> => {
  const shown = families.flatMap((family) =>
    Array.from({ length: columns }, (_, row) =>
      syntheticSample({ ...address, row }, { ...options, families: { [family]: 1 } }),
    ),
  )
  const side = pictureSize * scale
  const tiles = await Promise.all(
    shown.map(async (sample, i) => ({
      input: await sharp(await pngOf(sample))
        .resize(side, side, { kernel: 'nearest' })
        .png()
        .toBuffer(),
      left: gap + (i % columns) * (side + gap),
      top: gap + Math.floor(i / columns) * (side + gap),
    })),
  )
  await mkdir(dirname(path), { recursive: true })
  const sheet = { width: gap + columns * (side + gap), height: gap + families.length * (side + gap) }
  await sharp({ create: { ...sheet, channels: 3, background: '#88aacc' } })
    .composite(tiles)
    .png()
    .toFile(path)
  return shown
}

import sharp from 'sharp'
import type { SyntheticSample } from './types.ts'

/** The sample's picture as a PNG file: three channels, no metadata, the same bytes for the same pixels and libvips. */
export const pngOf = async ({ pixels, size }: SyntheticSample): Promise<Uint8Array> => {
  const raw = { width: size, height: size, channels: 3 } as const
  return new Uint8Array(await sharp(pixels, { raw }).png({ compressionLevel: 9 }).toBuffer())
}

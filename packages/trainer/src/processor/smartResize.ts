import { either as E } from 'fp-ts'

export interface ResizeLimits {
  /** Edges become multiples of this: patch size times merge size. */
  readonly factor: number
  readonly minPixels: number
  readonly maxPixels: number
}

/** Python's round: halves go to the even neighbour. */
const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}

const MAX_ASPECT = 200

/**
 * Size a picture is brought to: edges multiples of `factor`, pixel count within limits, aspect kept as well as that allows.
 *
 * @returns Left: a clause on what is wrong with the size
 * transformers@v5.17 image_processing_qwen2_vl.py, smart_resize
 */
export const smartResize = (
  height: number,
  width: number,
  { factor, minPixels, maxPixels }: ResizeLimits,
): E.Either<string, { readonly height: number; readonly width: number }> => {
  if (Math.max(height, width) / Math.min(height, width) > MAX_ASPECT)
    return E.left(`its ${width} x ${height} pixels are more than ${MAX_ASPECT} times as long as wide`)
  const rounded = (edge: number): number => roundHalfEven(edge / factor) * factor
  const area = rounded(height) * rounded(width)
  if (area > maxPixels) {
    const beta = Math.sqrt((height * width) / maxPixels)
    const shrunk = (edge: number): number => Math.max(factor, Math.floor(edge / beta / factor) * factor)
    return E.right({ height: shrunk(height), width: shrunk(width) })
  }
  if (area < minPixels) {
    const beta = Math.sqrt(minPixels / (height * width))
    const grown = (edge: number): number => Math.ceil((edge * beta) / factor) * factor
    return E.right({ height: grown(height), width: grown(width) })
  }
  return E.right({ height: rounded(height), width: rounded(width) })
}

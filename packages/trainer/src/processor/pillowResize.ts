/** 8-bit RGB picture, rows from the top, [height, width, 3]. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

const CHANNELS = 3
/** Pillow keeps 32 bits for a sum of 8-bit pixels with 2 bits of headroom. */
const PRECISION_BITS = 32 - 8 - 2
const SUPPORT = 2

/** Keys' cubic with a = -0.5. */
const bicubic = (x: number): number => {
  const a = -0.5
  const t = Math.abs(x)
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a
  return 0
}

interface Taps {
  /** First source pixel of each output pixel. */
  readonly first: Int32Array
  readonly count: Int32Array
  /** [out, size] fixed-point weights. */
  readonly weights: Int32Array
  readonly size: number
}

/** Which source pixels make each output pixel, with weights in 22-bit fixed point: Pillow@9.4 src/libImaging/Resample.c, precompute_coeffs. */
const taps = (source: number, target: number): Taps => {
  const scale = source / target
  const filterScale = Math.max(scale, 1) // a larger picture widens the filter, a smaller one does not narrow it
  const support = SUPPORT * filterScale
  const size = Math.ceil(support) * 2 + 1
  const first = new Int32Array(target)
  const count = new Int32Array(target)
  const weights = new Int32Array(target * size)
  const exact = new Float64Array(size)
  for (let i = 0; i < target; i++) {
    const centre = (i + 0.5) * scale
    const from = Math.max(0, Math.trunc(centre - support + 0.5))
    const n = Math.min(source, Math.trunc(centre + support + 0.5)) - from
    let total = 0
    for (let x = 0; x < n; x++) {
      exact[x] = bicubic((x + from - centre + 0.5) * (1 / filterScale))
      total += exact[x]!
    }
    for (let x = 0; x < n; x++) {
      const share = (total === 0 ? exact[x]! : exact[x]! / total) * 2 ** PRECISION_BITS
      weights[i * size + x] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5)
    }
    first[i] = from
    count[i] = n
  }
  return { first, count, weights, size }
}

const HALF = 2 ** (PRECISION_BITS - 1)
const clip8 = (sum: number): number => Math.min(255, Math.max(0, sum >> PRECISION_BITS))

/** Resample along one axis: `lines` independent lines, `step` bytes from pixel to pixel, `stride` bytes from line to line. */
const resampled = (
  source: Uint8Array,
  target: Uint8Array,
  { first, count, weights, size }: Taps,
  layout: {
    readonly lines: number
    readonly step: number
    readonly sourceStride: number
    readonly targetStride: number
  },
): void => {
  const { lines, step, sourceStride, targetStride } = layout
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < first.length; i++) {
      const start = line * sourceStride + first[i]! * step
      for (let channel = 0; channel < CHANNELS; channel++) {
        let sum = HALF
        for (let x = 0; x < count[i]!; x++) sum += source[start + x * step + channel]! * weights[i * size + x]!
        target[line * targetStride + i * step + channel] = clip8(sum)
      }
    }
  }
}

/**
 * Bicubic resize, bit for bit as Pillow's `Image.resize(size, BICUBIC)` on RGB: along rows first, rounded to 8 bits, then along columns.
 *
 * Differs from Pillow 13 by up to a few levels where the height shrinks and the width does not (much): there it begins with the columns.
 */
export const pillowResize = (picture: Picture, width: number, height: number): Picture => {
  let current = picture
  if (width !== current.width) {
    const data = new Uint8Array(current.height * width * CHANNELS)
    resampled(current.data, data, taps(current.width, width), {
      lines: current.height,
      step: CHANNELS,
      sourceStride: current.width * CHANNELS,
      targetStride: width * CHANNELS,
    })
    current = { width, height: current.height, data }
  }
  if (height !== current.height) {
    const data = new Uint8Array(height * width * CHANNELS)
    resampled(current.data, data, taps(current.height, height), {
      lines: width,
      step: width * CHANNELS,
      sourceStride: CHANNELS,
      targetStride: CHANNELS,
    })
    current = { width, height, data }
  }
  return current
}

export type Colour = readonly [red: number, green: number, blue: number]

export interface Point {
  readonly x: number
  readonly y: number
}

/** Side of a picture in pixels: 8 x 8 patches of 7, merged to 4 x 4 tokens. */
export const pictureSize = 56
/** Side of one merged token in pixels. Objects are sized to it: digits off this grid stayed near chance in the pilot runs. */
export const cell = 14

export const black: Colour = [0, 0, 0]
export const white: Colour = [1, 1, 1]
export const grey = (level: number): Colour => [level, level, level]

/** A picture being drawn: linear levels, 0 black to 1 white, [size, size, 3]. */
export interface Canvas {
  readonly size: number
  readonly levels: Float64Array
}

export const blankCanvas = (size = pictureSize): Canvas => ({ size, levels: new Float64Array(size * size * 3).fill(1) })

/** Mix `colour` into one pixel; outside the picture nothing happens. */
const blend = ({ size, levels }: Canvas, at: { x: number; y: number; coverage: number }, colour: Colour): void => {
  if (at.x < 0 || at.y < 0 || at.x >= size || at.y >= size || at.coverage <= 0) return
  const offset = (at.y * size + at.x) * 3
  for (let c = 0; c < 3; c++) levels[offset + c]! += (colour[c]! - levels[offset + c]!) * at.coverage
}

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** A filled box of whole pixels. */
export const fillBox = (canvas: Canvas, box: Box, colour: Colour): void => {
  for (let y = box.y; y < box.y + box.height; y++) {
    for (let x = box.x; x < box.x + box.width; x++) blend(canvas, { x, y, coverage: 1 }, colour)
  }
}

/** Paint each pixel by a signed distance in pixels (negative inside); edges are half covered. */
const fillDistance = (canvas: Canvas, box: Box, distance: (x: number, y: number) => number, colour: Colour): void => {
  const left = Math.floor(box.x)
  const top = Math.floor(box.y)
  const right = Math.ceil(box.x + box.width)
  const bottom = Math.ceil(box.y + box.height)
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const coverage = Math.min(1, Math.max(0, 0.5 - distance(x + 0.5, y + 0.5)))
      blend(canvas, { x, y, coverage }, colour)
    }
  }
}

/** A straight piece with round ends; `width` in pixels. */
export const drawLine = (canvas: Canvas, piece: { from: Point; to: Point; width: number }, colour: Colour): void => {
  const { from, to, width } = piece
  const dx = to.x - from.x
  const dy = to.y - from.y
  const squared = dx * dx + dy * dy
  const distance = (x: number, y: number): number => {
    const t = squared === 0 ? 0 : Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / squared))
    return Math.hypot(x - from.x - t * dx, y - from.y - t * dy) - width / 2
  }
  const pad = width / 2 + 1
  const box = {
    x: Math.min(from.x, to.x) - pad,
    y: Math.min(from.y, to.y) - pad,
    width: Math.abs(dx) + 2 * pad,
    height: Math.abs(dy) + 2 * pad,
  }
  fillDistance(canvas, box, distance, colour)
}

/** The outline through the points and back to the first. */
export const drawOutline = (canvas: Canvas, corners: ReadonlyArray<Point>, colour: Colour): void =>
  corners.forEach((from, i) => drawLine(canvas, { from, to: corners[(i + 1) % corners.length]!, width: 1.4 }, colour))

export const shapes = ['circle', 'square', 'triangle'] as const
export type ShapeName = (typeof shapes)[number]

/** A filled circle, square or triangle of the given radius around a centre. */
export const fillShape = (
  canvas: Canvas,
  shape: { name: ShapeName; centre: Point; radius: number },
  colour: Colour,
): void => {
  const { name, centre, radius: r } = shape
  const distance = (x: number, y: number): number => {
    const dx = x - centre.x
    const dy = y - centre.y
    if (name === 'circle') return Math.hypot(dx, dy) - r
    if (name === 'square') return Math.max(Math.abs(dx), Math.abs(dy)) - r * 0.9
    // Apex up: bottom edge at +r, two sides of slope 2 that meet at -r.
    return Math.max(dy - r, (2 * Math.abs(dx) - dy - r) / Math.sqrt(5))
  }
  const box = { x: centre.x - r - 1, y: centre.y - r - 1, width: 2 * r + 2, height: 2 * r + 2 }
  fillDistance(canvas, box, distance, colour)
}

import type { Colour } from './canvas.ts'

/** The colours a question can name. */
export const palette = {
  red: [1, 0.15, 0.15],
  green: [0.1, 0.75, 0.2],
  blue: [0.15, 0.3, 1],
  yellow: [1, 0.85, 0.1],
  purple: [0.65, 0.2, 0.8],
} as const satisfies Readonly<Record<string, Colour>>

export type ColourName = keyof typeof palette
export const colourNames = Object.keys(palette) as ReadonlyArray<ColourName>

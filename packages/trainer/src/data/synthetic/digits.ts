import { black, fillBox, white, type Canvas } from './canvas.ts'

/** Rows of three pixels, top to bottom, most significant bit left. */
const font: ReadonlyArray<ReadonlyArray<number>> = [
  [0b111, 0b101, 0b101, 0b101, 0b111],
  [0b010, 0b110, 0b010, 0b010, 0b111],
  [0b111, 0b001, 0b111, 0b100, 0b111],
  [0b111, 0b001, 0b111, 0b001, 0b111],
  [0b101, 0b101, 0b111, 0b001, 0b001],
  [0b111, 0b100, 0b111, 0b001, 0b111],
  [0b111, 0b100, 0b111, 0b101, 0b111],
  [0b111, 0b001, 0b010, 0b010, 0b010],
  [0b111, 0b101, 0b111, 0b101, 0b111],
  [0b111, 0b101, 0b111, 0b001, 0b111],
]

/** Pixels from one digit's left edge to the next: 3 columns doubled and one of space. */
const advance = 7

/** Width and height in pixels of a number of so many digits. */
export const labelSize = (digits: number): { width: number; height: number } => ({
  width: advance * digits - 1,
  height: 10,
})

/** A whole number in black on a white box that is one pixel larger on each side; `x`, `y` is the first digit's top left. */
export const drawNumber = (canvas: Canvas, at: { x: number; y: number }, value: number): void => {
  const text = String(value)
  const { width, height } = labelSize(text.length)
  fillBox(canvas, { x: at.x - 1, y: at.y - 1, width: width + 2, height: height + 2 }, white)
  for (let i = 0; i < text.length; i++) {
    const rows = font[Number(text[i])]!
    rows.forEach((bits, row) => {
      for (let column = 0; column < 3; column++) {
        if ((bits >> (2 - column)) & 1) {
          fillBox(canvas, { x: at.x + advance * i + 2 * column, y: at.y + 2 * row, width: 2, height: 2 }, black)
        }
      }
    })
  }
}

import { describe, expect, it } from 'vitest'
import { black, blankCanvas, drawLine, fillBox, fillShape, grey, shapes, type Canvas } from './canvas.ts'

/** Darkness summed over the pixels: the painted area when painting black on white. */
const area = ({ levels }: Canvas): number => levels.reduce((sum, level) => sum + (1 - level) / 3, 0)

describe('canvas', () => {
  it('paints only the part of a box that lies inside', () => {
    const canvas = blankCanvas(8)
    fillBox(canvas, { x: -2, y: 6, width: 4, height: 5 }, black)
    expect(area(canvas)).toBeCloseTo(4, 12)
    expect(canvas.levels[(6 * 8 + 1) * 3]).toBe(0)
    expect(canvas.levels[(6 * 8 + 2) * 3]).toBe(1)
  })

  it('paints a line as wide and as long as asked', () => {
    const canvas = blankCanvas()
    drawLine(canvas, { from: { x: 10, y: 20 }, to: { x: 40, y: 20 }, width: 2 }, black)
    // 30 x 2 and two round ends of radius 1.
    expect(area(canvas)).toBeCloseTo(60 + Math.PI, 0)
  })

  it('paints a point where a line has no length', () => {
    const canvas = blankCanvas()
    drawLine(canvas, { from: { x: 10, y: 10 }, to: { x: 10, y: 10 }, width: 2 }, black)
    expect(area(canvas)).toBeGreaterThan(2)
    expect(area(canvas)).toBeLessThan(5)
  })

  it('paints shapes of the right area around their centre', () => {
    const r = 5
    const expected = { circle: Math.PI * r * r, square: (1.8 * r) ** 2, triangle: 2 * r * r }
    for (const name of shapes) {
      const canvas = blankCanvas()
      fillShape(canvas, { name, centre: { x: 28, y: 28 }, radius: r }, grey(0))
      expect(Math.abs(area(canvas) - expected[name]) / expected[name]).toBeLessThan(0.04)
      expect(canvas.levels[(28 * 56 + 28) * 3]).toBe(0)
    }
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blankCanvas } from './canvas.ts'
import { drawNumber, labelSize } from './digits.ts'
import { palette, type ColourName } from './palette.ts'
import { syntheticSample } from './sample.ts'
import type { Family, SyntheticSample } from './types.ts'

const all = { bars: 1, count: 1, sides: 1, angle: 1 }
const hard = { noise: 0.45, clutter: 12, families: all }
const clean = (family: Family, row: number): SyntheticSample =>
  syntheticSample({ seed: 7, stream: 0, row }, { noise: 0, clutter: 0, families: { [family]: 1 } })

const address = fc.record({ seed: fc.nat(), stream: fc.nat({ max: 31 }), row: fc.nat({ max: 2 ** 26 - 1 }) })

const levelAt = ({ pixels, size }: SyntheticSample, x: number, y: number): ReadonlyArray<number> =>
  Array.from(pixels.subarray((y * size + x) * 3, (y * size + x) * 3 + 3))

/** The palette's colour of a pixel, if it has one to within a rounding step. */
const colourAt = (sample: SyntheticSample, x: number, y: number): ColourName | undefined => {
  const level = levelAt(sample, x, y)
  return (Object.keys(palette) as Array<ColourName>).find((name) =>
    palette[name].every((part, c) => Math.abs(255 * part - level[c]!) <= 1),
  )
}

/** What the thought says of each colour, e.g. red 6. */
const claims = (solution: string): ReadonlyArray<readonly [string, number]> =>
  [...solution.matchAll(/([a-z]+)(\d+)(?=[+\-=<])/g)].map(([, name, value]) => [name!, Number(value)])

/** A number as black (0) and white (255) pixels. */
const glyphs = (value: number): { width: number; height: number; level: (x: number, y: number) => number } => {
  const canvas = blankCanvas(24)
  drawNumber(canvas, { x: 0, y: 0 }, value)
  const size = labelSize(String(value).length)
  return { ...size, level: (x, y) => 255 * canvas.levels[(y * 24 + x) * 3]! }
}

/** The number that a cell shows, read by laying every candidate at every place over the picture. */
const numberIn = (sample: SyntheticSample, column: number, row: number, candidates: ReadonlyArray<number>) => {
  const shows = (value: number, left: number, top: number): boolean => {
    const { width, height, level } = glyphs(value)
    if (left + width > 56 || top + height > 56) return false
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) if (levelAt(sample, left + x, top + y)[0] !== level(x, y)) return false
    }
    return true
  }
  return (
    candidates.find((value) => {
      for (let top = 14 * row; top <= 14 * row + 6; top++) {
        for (let left = Math.max(0, 14 * column - 1); left <= 14 * column + 6; left++) {
          if (shows(value, left, top)) return true
        }
      }
      return false
    }) ?? null
  )
}

describe('syntheticSample', () => {
  it('property: is a function of its address alone', () => {
    fc.assert(
      fc.property(address, (at) => {
        const first = syntheticSample(at, hard)
        syntheticSample({ ...at, row: 0 }, hard)
        expect(syntheticSample(at, hard)).toEqual(first)
      }),
      { seed: 1, numRuns: 20 },
    )
  })

  it('property: another row, stream or seed is another picture', () => {
    fc.assert(
      fc.property(address, ({ seed, stream, row }) => {
        const picture = (at: { seed: number; stream: number; row: number }) =>
          syntheticSample(at, { ...hard, noise: 0.2 }).pixels.join()
        const others = [
          { seed, stream, row: row ^ 1 },
          { seed, stream: stream ^ 1, row },
          { seed: seed + 1, stream, row },
        ]
        expect(others.map(picture)).not.toContain(picture({ seed, stream, row }))
      }),
      { seed: 2, numRuns: 20 },
    )
  })

  it('property: the thought, read from left to right, ends in the answer and never goes below 0', () => {
    fc.assert(
      fc.property(address, (at) => {
        const { solution, direct, answer, steps, problem } = syntheticSample(at, hard)
        expect(direct).toBe(`<think></think>\\boxed{${answer}}`)
        expect(problem.split('<image>')).toHaveLength(2)
        const [, thought] = /^<think>(.+)<\/think>\\boxed\{(\d+)\}$/.exec(solution)!
        expect(solution.endsWith(`\\boxed{${answer}}`)).toBe(true)
        let total = 0
        let operations = 0
        for (const part of thought!.split(',')) {
          for (const [, sign, value] of part.matchAll(/([+\-=]|^)[a-z]*(\d+)/g)) {
            if (sign === '=') expect(Number(value)).toBe(total)
            else if (sign === '') total = Number(value)
            else total += (sign === '-' ? -1 : 1) * Number(value)
            if (sign === '+' || sign === '-') operations++
            expect(total).toBeGreaterThanOrEqual(0)
          }
        }
        expect([total, operations]).toEqual([Number(answer), steps])
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  it('draws each bar seven pixels high for each unit the solution names', () => {
    for (let row = 0; row < 40; row++) {
      const sample = clean('bars', row)
      for (const [name, height] of claims(sample.solution)) {
        const columns = Array.from({ length: 56 }, (_, x) =>
          Array.from({ length: 56 }, (_, y) => y).filter((y) => colourAt(sample, x, y) === name),
        ).filter((pixels) => pixels.length > 0)
        expect(columns).toHaveLength(10)
        for (const pixels of columns) expect(pixels.length).toBe(7 * height)
      }
    }
  })

  it('draws as many shapes of a colour as the solution counts', () => {
    for (let row = 0; row < 40; row++) {
      const sample = clean('count', row)
      const tally: Record<string, number> = {}
      for (let place = 0; place < 16; place++) {
        const name = colourAt(sample, 14 * (place % 4) + 7, 14 * Math.floor(place / 4) + 8)
        if (name !== undefined) tally[name] = (tally[name] ?? 0) + 1
      }
      for (const [name, count] of claims(sample.solution)) expect(tally[name] ?? 0).toBe(count)
    }
  })

  it('writes beside the figure the sides that the solution adds, clockwise from the left', () => {
    const places = { 3: [[0, 1], [3, 1], [1, 3]], 4: [[0, 2], [1, 0], [3, 1], [2, 3]] } as const // prettier-ignore
    const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    for (let row = 0; row < 20; row++) {
      const sample = clean('sides', row)
      const sides = (sample.steps + 1) as 3 | 4
      const seen = places[sides].map(([column, line]) => numberIn(sample, column, line, digits)!)
      const sums = seen.slice(1).map((value, i) => `+${value}=${seen.slice(0, i + 2).reduce((a, b) => a + b)}`)
      expect(sample.solution).toContain(`<think>${seen[0]}${sums.join('')}</think>`)
    }
  })

  it('writes two of the three angles at their corners', () => {
    const angles = Array.from({ length: 14 }, (_, i) => 20 + 5 * i)
    for (let row = 0; row < 20; row++) {
      const sample = clean('angle', row)
      const cells = [[1, 0], [0, 3], [3, 3]] as const // prettier-ignore
      const seen = cells.map(([column, line]) => numberIn(sample, column, line, angles)).filter((v) => v !== null)
      expect(seen).toHaveLength(2)
      expect(sample.solution).toContain(`<think>${seen[0]}+${seen[1]}=`)
      expect(Number(sample.answer)).toBe(180 - seen[0]! - seen[1]!)
    }
  })

  it('keeps noise and clutter below their limits, and reports what it drew', () => {
    const samples = Array.from({ length: 300 }, (_, row) => syntheticSample({ seed: 1, stream: 0, row }, hard))
    expect(Math.max(...samples.map(({ noise }) => noise))).toBeLessThan(0.45)
    expect(Math.max(...samples.map(({ noise }) => noise))).toBeGreaterThan(0.4)
    expect(new Set(samples.map(({ clutter }) => clutter))).toEqual(new Set(Array.from({ length: 13 }, (_, i) => i)))
    const painted = (clutter: number) =>
      syntheticSample({ seed: 1, stream: 0, row: 3 }, { noise: 0, clutter, families: { angle: 1 } })
    // Clutter is grey of level .55 to .85, which no other part of a clean picture is made of in such number.
    const greys = ({ pixels }: SyntheticSample) => pixels.filter((level) => level > 135 && level < 220).length
    expect(painted(40).clutter).toBeGreaterThan(5)
    expect(greys(painted(40))).toBeGreaterThan(3 * greys(painted(0)))
  })

  it('adds the same noise to the three channels', () => {
    const options = { noise: 0.3, clutter: 0, families: { angle: 1 } }
    const { pixels } = syntheticSample({ seed: 1, stream: 0, row: 5 }, options)
    for (let i = 0; i < pixels.length; i += 3) expect(pixels[i + 1]).toBe(pixels[i])
    expect(new Set(pixels).size).toBeGreaterThan(50)
  })

  it('asks the families in proportion to their weights, and one without weight never', () => {
    const options = { ...hard, noise: 0, clutter: 0, families: { bars: 1, sides: 3 } }
    const asked = Array.from({ length: 400 }, (_, row) => syntheticSample({ seed: 2, stream: 0, row }, options).family)
    const share = (family: Family) => asked.filter((name) => name === family).length / asked.length
    // Standard error of a share of 400 is 0.022.
    expect(Math.abs(share('bars') - 0.25)).toBeLessThan(0.07)
    expect(share('bars') + share('sides')).toBe(1)
    expect(() => syntheticSample({ seed: 0, stream: 0, row: 0 }, { ...hard, families: {} })).toThrow(RangeError)
  })

  it('refuses an address outside its range: it would repeat another sample', () => {
    expect(() => syntheticSample({ seed: 0, stream: 32, row: 0 }, hard)).toThrow(/stream 32/)
    expect(() => syntheticSample({ seed: 0, stream: 0, row: 2 ** 26 }, hard)).toThrow(/row 67108864/)
  })
})

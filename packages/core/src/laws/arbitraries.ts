import fc from 'fast-check'
import { sizeOf, type Shape } from '../ops/shape.ts'
import type { HostTensor } from '../ops/tensorOps.ts'

/** Where inputs come from: multiples of 1/256 and a fixed offset, so float32 holds each exactly and input rounding is never blamed. */
export interface Grid {
  readonly lo: number
  readonly hi: number
  /** Added to every value, a multiple of 1/1024. Operands on grids with different offsets are never equal. */
  readonly offset?: number
}

const stepsPerUnit = 256

export const modest: Grid = { lo: -4, hi: 4 }
export const positive: Grid = { lo: 0.25, hi: 4 }

export const number = ({ lo, hi, offset = 0 }: Grid): fc.Arbitrary<number> =>
  fc
    .integer({ min: Math.ceil(lo * stepsPerUnit), max: Math.floor(hi * stepsPerUnit) })
    .map((i) => i / stepsPerUnit + offset)

export const tensor = (shape: Shape, grid: Grid = modest): fc.Arbitrary<HostTensor> => {
  const length = sizeOf(shape)
  return fc.array(number(grid), { minLength: length, maxLength: length }).map((data) => ({ shape, data }))
}

/** Values away from 0: either sign, at least 1/4. */
export const tensorAwayFromZero = (shape: Shape): fc.Arbitrary<HostTensor> =>
  fc
    .tuple(tensor(shape, positive), tensor(shape, { lo: -1, hi: 1, offset: 1 / 1024 }))
    .map(([size, sign]) => ({ shape, data: Array.from(size.data, (x, i) => (sign.data[i]! < 0 ? -x : x)) }))

/** No two values alike, at least 1/8 apart: a maximum has one place. */
export const distinctTensor = (shape: Shape): fc.Arbitrary<HostTensor> => {
  const places = Array.from({ length: sizeOf(shape) }, (_, i) => i)
  return fc
    .shuffledSubarray(places, { minLength: places.length, maxLength: places.length })
    .map((order) => ({ shape, data: order.map((place) => (place - places.length / 2) / 8) }))
}

export interface ShapeLimits {
  readonly minRank?: number
  readonly maxRank?: number
  readonly maxSize: number
}

/** Ranks up to 6: the most WebGPU has. */
export const shape = ({ minRank = 0, maxRank = 6, maxSize }: ShapeLimits): fc.Arbitrary<Shape> =>
  fc.array(fc.integer({ min: 1, max: maxSize }), { minLength: minRank, maxLength: maxRank })

/** A shape that broadcasts into `whole`: leading axes dropped, others set to 1. */
export const operandShape = (whole: Shape): fc.Arbitrary<Shape> =>
  fc
    .tuple(fc.nat(whole.length), fc.array(fc.boolean(), { minLength: whole.length, maxLength: whole.length }))
    .map(([dropped, single]) => whole.map((n, axis) => (single[axis] === true ? 1 : n)).slice(dropped))

export const ids = (count: number, limit: number): fc.Arbitrary<ReadonlyArray<number>> =>
  fc.array(fc.nat(limit - 1), { minLength: count, maxLength: count })

/** A fixed tensor of any size without an arbitrary's cost: a linear congruential sequence on the grid. */
export const fixedTensor = (shape: Shape, { lo, hi, offset = 0 }: Grid = modest): HostTensor => {
  const data = new Float64Array(sizeOf(shape))
  const steps = Math.round((hi - lo) * stepsPerUnit) + 1
  let state = 12345 + data.length
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = lo + ((state >>> 12) % steps) / stepsPerUnit + offset
  }
  return { shape, data }
}

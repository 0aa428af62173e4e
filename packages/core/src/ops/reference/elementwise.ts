import { erf } from '../erf.ts'
import { ShapeError, broadcastShape } from '../shape.ts'
import { broadcastOffsets, refTensor, type RefTensor } from './tensor.ts'

const unary =
  (f: (x: number) => number) =>
  (x: RefTensor): RefTensor =>
    refTensor(x.shape, x.data.map(f))

const binary =
  (f: (a: number, b: number) => number) =>
  (a: RefTensor, b: RefTensor): RefTensor => {
    const shape = broadcastShape(a.shape, b.shape)
    const fromA = broadcastOffsets(a.shape, shape)
    const fromB = broadcastOffsets(b.shape, shape)
    const data = new Float64Array(fromA.length)
    for (let i = 0; i < data.length; i++) data[i] = f(a.data[fromA[i]!]!, b.data[fromB[i]!]!)
    return refTensor(shape, data)
  }

export const binaryOps = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  minimum: binary(Math.min),
  maximum: binary(Math.max),
}

export const unaryOps = {
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  square: unary((x) => x * x),
  abs: unary(Math.abs),
  tanh: unary(Math.tanh),
  sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  erf: unary(erf),
  stopGradient: unary((x) => x),
}

/** Math.min and Math.max pass NaN on, so a NaN stays visible. */
export const clip = (x: RefTensor, lo: number, hi: number): RefTensor => {
  if (!(lo <= hi)) throw new ShapeError(`clip: the interval [${lo}, ${hi}] is empty`)
  return refTensor(
    x.shape,
    x.data.map((value) => Math.min(Math.max(value, lo), hi)),
  )
}

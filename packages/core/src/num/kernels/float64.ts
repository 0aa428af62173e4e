import { type Code, simd, unsigned, type Variable } from '../../wasm/code.ts'

/* The instructions of the float64 kernels. */

// f64
export const loadFloat = (address: Code, offset = 0): Code => [...address, 0x2b, 3, ...unsigned(offset)]
export const storeFloat = (address: Code, value: Code, offset = 0): Code => [
  ...[...address, ...value],
  ...[0x39, 3, ...unsigned(offset)],
]
export const addFloat = (a: Code, b: Code): Code => [...a, ...b, 0xa0]
export const timesFloat = (a: Code, b: Code): Code => [...a, ...b, 0xa2]

// v128 of two f64
export const add = simd(240)
export const sub = simd(241)
export const mul = simd(242)
export const load = (address: Code, offset = 0): Code => [...address, 0xfd, 0, 3, ...unsigned(offset)]
export const loadSplat = (address: Code, offset = 0): Code => [...address, 0xfd, 10, 3, ...unsigned(offset)]
export const store = (address: Code, value: Code, offset = 0): Code => [
  ...[...address, ...value],
  ...[0xfd, 11, 3, ...unsigned(offset)],
]
export const ZERO: Code = [0xfd, 12, ...new Array<number>(16).fill(0)]
const lane = (value: Code, index: number): Code => [...value, 0xfd, 33, index]
/** Lane 0 + lane 1. */
export const laneSum = (v: Variable): Code => addFloat(lane(v.get, 0), lane(v.get, 1))

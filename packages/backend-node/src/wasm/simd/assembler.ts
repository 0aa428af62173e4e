import { type Code, int, simd, unsigned, type Variable } from '@durian/core/wasm'

export {
  advance,
  assemble,
  below,
  int,
  plus,
  times,
  when,
  type Code,
  type KernelSource,
  type MemoryKind,
  type Variable,
} from '@durian/core/wasm'

/* The instructions of the float32 kernels, beside those of `@durian/core/wasm`. */

const floatBytes = (value: number): Code => [...new Uint8Array(new Float32Array([value]).buffer)]

// i32
export const minus = (a: Code, b: Code): Code => [...a, ...b, 0x6b]
export const floorTo = (a: Code, powerOfTwo: number): Code => [...a, ...int(-powerOfTwo), 0x71]

// f32
export const float = (value: number): Code => [0x43, ...floatBytes(value)]
export const loadFloat = (address: Code): Code => [...address, 0x2a, 2, 0]
export const storeFloat = (address: Code, value: Code): Code => [...address, ...value, 0x38, 2, 0]
export const addF = (a: Code, b: Code): Code => [...a, ...b, 0x92]
export const mulF = (a: Code, b: Code): Code => [...a, ...b, 0x94]
export const divF = (a: Code, b: Code): Code => [...a, ...b, 0x95]
export const maxF = (a: Code, b: Code): Code => [...a, ...b, 0x97]
export const sqrtF = (a: Code): Code => [...a, 0x91]
export const floatOf = (unsignedInt: Code): Code => [...unsignedInt, 0xb3]

// v128 of four f32
export const splat = (value: Code): Code => simd(19)(value)
export const load = (address: Code, offset = 0): Code => [...address, 0xfd, 0, 2, ...unsigned(offset)]
export const loadSplat = (address: Code): Code => [...address, 0xfd, 9, 2, 0]
export const store = (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  ...[0xfd, 11, 2],
  ...unsigned(offset),
]
export const storeLane0 = (address: Code, value: Code): Code => [...address, ...value, 0xfd, 90, 2, 0, 0]
export const lane = (value: Code, index: number): Code => [...value, 0xfd, 31, index]
export const shuffle = (a: Code, b: Code, lanes: ReadonlyArray<number>): Code => [
  ...a,
  ...b,
  0xfd,
  13,
  ...lanes.flatMap((i) => [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]),
]
export const add = simd(228)
export const sub = simd(229)
export const mul = simd(230)
export const div = simd(231)
export const min = simd(232)
export const max = simd(233)
/** b where a < b, else a: a NaN in `a` stays, and it is one instruction where `min` and `max` are many. */
export const atLeast = simd(235)
export const atMost = simd(234)
/** a b + c, rounded once where the processor can (relaxed SIMD). */
export const fusedMultiplyAdd = simd(261)
export const neg = simd(225)
export const nearest = simd(106)
export const and = simd(78)
export const toInts = simd(248)
export const addInts = simd(174)
export const splatInt = simd(17)
export const shiftLeft = (a: Code, bits: number): Code => simd(171)(a, int(bits))
export const four = (value: number): Code => [0xfd, 12, ...[0, 1, 2, 3].flatMap(() => floatBytes(value))]
/** All bits of lane 0, none of the others. */
export const LANE0: Code = [0xfd, 12, 0xff, 0xff, 0xff, 0xff, ...new Array<number>(12).fill(0)]

export const sumLanes = (v: Variable): Code =>
  addF(addF(lane(v.get, 0), lane(v.get, 1)), addF(lane(v.get, 2), lane(v.get, 3)))
export const maxLanes = (v: Variable): Code =>
  maxF(maxF(lane(v.get, 0), lane(v.get, 1)), maxF(lane(v.get, 2), lane(v.get, 3)))

// control
/** while (condition) body */
export const loopWhile = (condition: Code, ...body: ReadonlyArray<Code>): Code => [
  ...[0x02, 0x40, 0x03, 0x40],
  ...condition,
  ...[0x45, 0x0d, 1],
  ...body.flat(),
  ...[0x0c, 0, 0x0b, 0x0b],
]
/** condition ? a : b, both evaluated. */
export const select = (condition: Code, a: Code, b: Code): Code => [...a, ...b, ...condition, 0x1b]

/**
 * Just enough of a WebAssembly assembler to write SIMD kernels in TypeScript: no build step, no binary in the repository.
 * Opcodes are those of the WebAssembly core specification 2.0 (SIMD included). Code is a flat list of bytes in stack order.
 */
export type Code = ReadonlyArray<number>

export type Type = 'i32' | 'f32' | 'v128'
const TYPES: Readonly<Record<Type, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b }

/** A parameter or local variable. */
export interface Variable {
  readonly get: Code
  readonly set: (value: Code) => Code
}

export interface KernelSource {
  readonly parameters: ReadonlyArray<Type>
  /** The body: given its parameters, and a way to declare locals. */
  readonly body: (parameters: ReadonlyArray<Variable>, declare: (type: Type) => Variable) => Code
}

// numbers
const unsigned = (value: number): Code => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)])
const signed = (value: number): Code =>
  value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)]
const floatBytes = (value: number): Code => [...new Uint8Array(new Float32Array([value]).buffer)]

// i32
export const int = (value: number): Code => [0x41, ...signed(value)]
export const plus = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const minus = (a: Code, b: Code): Code => [...a, ...b, 0x6b]
export const times = (a: Code, b: Code): Code => [...a, ...b, 0x6c]
/** Addresses lie above 2 GB too, so comparisons are unsigned. */
export const below = (a: Code, b: Code): Code => [...a, ...b, 0x49]
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
const simd =
  (opcode: number) =>
  (...operands: ReadonlyArray<Code>): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)]
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
export const when = (condition: Code, then: Code, otherwise: Code): Code => [
  ...condition,
  ...[0x04, 0x40],
  ...then,
  0x05,
  ...otherwise,
  0x0b,
]
export const advance = (variable: Variable, step: Code): Code => variable.set(plus(variable.get, step))

// module
const vector = (items: ReadonlyArray<Code>): Code => [...unsigned(items.length), ...items.flat()]
const sized = (content: Code): Code => [...unsigned(content.length), ...content]
const section = (id: number, content: Code): Code => [id, ...sized(content)]
const text = (value: string): Code => vector([...new TextEncoder().encode(value)].map((byte) => [byte]))

const assembled = ({ parameters, body }: KernelSource): Code => {
  const locals: Type[] = []
  const variable = (index: number): Variable => ({
    get: [0x20, ...unsigned(index)],
    set: (value) => [...value, 0x21, ...unsigned(index)],
  })
  const declare = (type: Type): Variable => variable(parameters.length + locals.push(type) - 1)
  const code = body(
    parameters.map((_, index) => variable(index)),
    declare,
  )
  return sized([...vector(locals.map((type) => [1, TYPES[type]])), ...code, 0x0b])
}

/** A module whose functions are the kernels, by name; it imports its memory as `env.memory`. */
export const assemble = (kernels: Readonly<Record<string, KernelSource>>): Uint8Array<ArrayBuffer> => {
  const sources = Object.values(kernels)
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(sources.map(({ parameters }) => [0x60, ...vector(parameters.map((t) => [TYPES[t]])), 0]))),
    ...section(2, vector([[...text('env'), ...text('memory'), 2, 0, 1]])),
    ...section(3, vector(sources.map((_, i) => unsigned(i)))),
    ...section(7, vector(Object.keys(kernels).map((name, i) => [...text(name), 0, ...unsigned(i)]))),
    ...section(10, vector(sources.map(assembled))),
  ])
}

/**
 * Just enough of a WebAssembly assembler to write the float64 kernels in TypeScript: no build step, no binary in the repository.
 * Opcodes are those of the WebAssembly core specification 2.0 (SIMD included). Code is a flat list of bytes in stack order.
 */
export type Code = ReadonlyArray<number>

export type Type = 'i32' | 'f64' | 'v128'
const TYPES: Readonly<Record<Type, number>> = { i32: 0x7f, f64: 0x7c, v128: 0x7b }

/** A parameter or local variable; locals start at 0. */
export interface Variable {
  readonly get: Code
  readonly set: (value: Code) => Code
}

/** A function: its parameters, and its body given them and a way to declare locals. */
export interface KernelSource {
  readonly parameters: ReadonlyArray<Type>
  readonly body: (parameters: ReadonlyArray<Variable>, declare: (type: Type) => Variable) => Code
}

const unsigned = (value: number): Code => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)])
const signed = (value: number): Code =>
  value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)]

// i32
export const int = (value: number): Code => [0x41, ...signed(value)]
export const plus = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const times = (a: Code, b: Code): Code => [...a, ...b, 0x6c]
/** Addresses lie above 2 GB too, so comparisons are unsigned. */
export const below = (a: Code, b: Code): Code => [...a, ...b, 0x49]
export const advance = (variable: Variable, step: Code): Code => variable.set(plus(variable.get, step))

// f64
export const loadFloat = (address: Code, offset = 0): Code => [...address, 0x2b, 3, ...unsigned(offset)]
export const storeFloat = (address: Code, value: Code, offset = 0): Code => [
  ...[...address, ...value],
  ...[0x39, 3, ...unsigned(offset)],
]
export const addFloat = (a: Code, b: Code): Code => [...a, ...b, 0xa0]
export const timesFloat = (a: Code, b: Code): Code => [...a, ...b, 0xa2]

// v128 of two f64
const simd =
  (opcode: number) =>
  (...operands: ReadonlyArray<Code>): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)]
export const splat = simd(20)
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
const shuffle = (a: Code, b: Code, lanes: ReadonlyArray<number>): Code => [
  ...[...a, ...b, 0xfd, 13],
  ...lanes.flatMap((i) => Array.from({ length: 8 }, (_, byte) => 8 * i + byte)),
]
/** (lane sum of a, lane sum of b) */
export const laneSums = (a: Variable, b: Variable): Code =>
  add(shuffle(a.get, b.get, [0, 2]), shuffle(a.get, b.get, [1, 3]))

// control
/** do body while (condition) */
export const repeatWhile = (condition: Code, ...body: ReadonlyArray<Code>): Code => [
  ...[0x03, 0x40],
  ...body.flat(),
  ...condition,
  ...[0x0d, 0, 0x0b],
]
/** if (condition) body */
export const when = (condition: Code, ...body: ReadonlyArray<Code>): Code => [
  ...condition,
  ...[0x04, 0x40],
  ...body.flat(),
  0x0b,
]

// module
const vector = (items: ReadonlyArray<Code>): Code => [...unsigned(items.length), ...items.flat()]
const sized = (content: Code): Code => [...unsigned(content.length), ...content]
const section = (id: number, content: Code): Code => [id, ...sized(content)]
const ascii = (value: string): Code => vector(Array.from(value, (letter) => [letter.charCodeAt(0)]))

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

/** A module whose functions are the kernels, by name; it imports its memory as `e.m`. */
export const assemble = (kernels: Readonly<Record<string, KernelSource>>): Uint8Array<ArrayBuffer> => {
  const sources = Object.values(kernels)
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(sources.map(({ parameters }) => [0x60, ...vector(parameters.map((t) => [TYPES[t]])), 0]))),
    ...section(2, vector([[...ascii('e'), ...ascii('m'), 2, 0, 1]])),
    ...section(3, vector(sources.map((_, i) => unsigned(i)))),
    ...section(7, vector(Object.keys(kernels).map((name, i) => [...ascii(name), 0, ...unsigned(i)]))),
    ...section(10, vector(sources.map(assembled))),
  ])
}

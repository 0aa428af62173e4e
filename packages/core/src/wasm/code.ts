/**
 * Just enough of a WebAssembly assembler to write kernels in TypeScript: no build step, no binary in the repository.
 * Opcodes are those of the WebAssembly core specification 2.0 (SIMD included). Code is a flat list of bytes in stack order.
 */
export type Code = ReadonlyArray<number>

/** A parameter or local variable; locals start at 0. */
export interface Variable {
  readonly get: Code
  readonly set: (value: Code) => Code
}

/** LEB128 of an unsigned number below 2^32. */
export const unsigned = (value: number): Code =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]

const signed = (value: number): Code =>
  value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)]

// i32
export const int = (value: number): Code => [0x41, ...signed(value)]
export const plus = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const times = (a: Code, b: Code): Code => [...a, ...b, 0x6c]
/** Addresses lie above 2 GB too, so comparisons are unsigned. */
export const below = (a: Code, b: Code): Code => [...a, ...b, 0x49]
export const advance = (variable: Variable, step: Code): Code => variable.set(plus(variable.get, step))

// v128
/** A vector instruction of the given opcode that takes all its operands from the stack. */
export const simd =
  (opcode: number) =>
  (...operands: ReadonlyArray<Code>): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)]

// control
/** do body while (condition) */
export const repeatWhile = (condition: Code, ...body: ReadonlyArray<Code>): Code => [
  ...[0x03, 0x40],
  ...body.flat(),
  ...condition,
  ...[0x0d, 0, 0x0b],
]

/** if (condition) then, else otherwise where there is one */
export const when = (condition: Code, then: Code, otherwise?: Code): Code => [
  ...[...condition, 0x04, 0x40, ...then],
  ...(otherwise === undefined ? [] : [0x05, ...otherwise]),
  0x0b,
]

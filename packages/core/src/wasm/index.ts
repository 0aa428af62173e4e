// What our kernels for WebAssembly are written in, here and in the backends. No part of the mathematics, and it may change at any time.
export {
  advance,
  below,
  int,
  plus,
  repeatWhile,
  simd,
  times,
  unsigned,
  when,
  type Code,
  type Variable,
} from './code.ts'
export { assemble, type KernelSource, type MemoryKind, type Type } from './module.ts'

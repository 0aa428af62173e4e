import { assemble } from '../../wasm/module.ts'
import type { Kernels } from './kernels.ts'
import { plainKernels } from './plain.ts'
import { simdSources } from './simd.ts'

/** The part of WebAssembly's API that is used; this package is compiled without the DOM's types. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
  readonly Memory: new (options: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

type Compiled = Readonly<Record<keyof typeof simdSources, (...values: ReadonlyArray<number>) => void>>

const NUMBER = 8
const PAGE = 65_536
/** A WebAssembly memory ends at 4 GB. */
const MAX_PAGES = 65_536
/** Memories of up to 16 MB (a matrix of 1,400 rows) are kept for the next call: a fresh one costs page faults. */
const KEPT_PAGES = 256

/** Compiled once (1 ms); undefined before the first call, null where WebAssembly or its SIMD is missing. */
let compiled: object | null | undefined
let kept: Kernels | undefined

const moduleOrNull = (): object | null => {
  try {
    return new WebAssembly.Module(assemble(simdSources))
  } catch {
    return null // no WebAssembly (ReferenceError), no SIMD (CompileError), or forbidden by a content security policy
  }
}

/** The kernels on WebAssembly's SIMD over a heap of at least `length` numbers; null where there is none. */
export const simdKernels = (length: number): Kernels | null => {
  compiled ??= moduleOrNull()
  const pages = Math.ceil((length * NUMBER) / PAGE)
  if (compiled === null || pages > MAX_PAGES) return null
  const memory = new WebAssembly.Memory({ initial: pages })
  const wasm = new WebAssembly.Instance(compiled, { e: { m: memory } }).exports as Compiled
  return {
    heap: new Float64Array(memory.buffer),
    symmetricTimes: (a, v, q, n) => wasm.symmetricTimes(NUMBER * a, NUMBER * v, NUMBER * q, NUMBER * n),
    subtractPairs: (c, panel, n, depth) => wasm.subtractPairs(NUMBER * c, NUMBER * panel, n, depth),
    addSquares: (c, panel, n, depth) => wasm.addSquares(NUMBER * c, NUMBER * panel, n, depth),
    timesVector: ({ at, pitch, rows, cols }, x, y) =>
      wasm.timesVector(NUMBER * at, NUMBER * pitch, NUMBER * x, NUMBER * y, rows, NUMBER * cols),
    subtractRows: ({ at, pitch, rows, cols }, c, y) =>
      wasm.subtractRows(NUMBER * at, NUMBER * pitch, NUMBER * c, NUMBER * y, rows, NUMBER * cols),
  }
}

/** The fastest kernels there are, over a heap of their own of at least `length` numbers. */
export const freshKernels = (length: number): Kernels => simdKernels(length) ?? plainKernels(length)

/** The fastest kernels there are, over a heap of at least `length` numbers with anything in it. They are the caller's until the next call. */
export const openKernels = (length: number): Kernels => {
  if (kept !== undefined && kept.heap.length >= length) return kept
  const opened = freshKernels(length)
  if (opened.heap.length * NUMBER <= KEPT_PAGES * PAGE) kept = opened
  return opened
}

import { setFlagsFromString } from 'node:v8'
import { assemble } from './assembler.ts'
import { gemm } from './gemm.ts'
import { sources } from './sources.ts'

const all = (fused: boolean) => ({ ...sources, gemm: gemm(fused) })

/** Our SIMD kernels over tfjs's own memory. Arguments are byte addresses and counts, as each source says. */
export type Simd = Readonly<Record<keyof ReturnType<typeof all>, (...values: ReadonlyArray<number>) => void>>

export interface CompiledSimd {
  readonly simd: Simd
  /** Products are summed with one rounding each (relaxed SIMD on a processor with FMA). */
  readonly fused: boolean
}

/** The part of WebAssembly's API that is used; Node's types leave it to the DOM's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
  readonly Memory: new (options: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

/** Compile the kernels (some 20 ms) onto a memory. */
export const compileSimd = (memory: object): CompiledSimd => {
  const fused = fuses()
  return { simd: instance(memory, fused), fused }
}

const instance = (memory: object, fused: boolean): Simd =>
  new WebAssembly.Instance(new WebAssembly.Module(assemble(all(fused))), { e: { m: memory } }).exports as Simd

/**
 * Does relaxed multiply-add exist here, and does it round once? Node 22 has it; Node 20's V8 behind a flag that may be set while running.
 * Tried on (1 + 2^-12)^2 - (1 + 2^-11), which is 2^-24 rounded once and 0 rounded twice.
 */
const fuses = (): boolean => {
  try {
    if (Number(process.versions.node.split('.')[0]) < 22) setFlagsFromString('--experimental-wasm-relaxed-simd')
    const memory = new WebAssembly.Memory({ initial: 1 })
    const [a, panel, c] = [0, 64, 128]
    const numbers = new Float32Array(memory.buffer)
    numbers[a / 4] = 1 + 2 ** -12
    numbers[panel / 4] = 1 + 2 ** -12
    numbers[c / 4] = -(1 + 2 ** -11)
    instance(memory, true).gemm(a, 4, 4, panel, c, 32, 1, 1, 1)
    return numbers[c / 4] === 2 ** -24
  } catch {
    return false
  }
}

import { setFlagsFromString } from 'node:v8'
import { assemble, type MemoryKind } from './assembler.ts'
import { gemm } from './gemm.ts'
import { instantiate, Memory, Module, type Simd, type WasmMemory } from './instance.ts'
import { sources } from './sources.ts'

export { instantiate, type Simd, type WasmMemory } from './instance.ts'

export interface CompiledSimd {
  readonly simd: Simd
  /** The kernels without their memory, for further threads on a shared one. */
  readonly module: object
  /** Products are summed with one rounding each (relaxed SIMD on a processor with FMA). */
  readonly fused: boolean
}

/** Compile the kernels (some 20 ms) onto a memory. */
export const compileSimd = (memory: WasmMemory): CompiledSimd => {
  const fused = fuses()
  const module = compiled(fused, memory.buffer instanceof SharedArrayBuffer ? 'shared' : 'own')
  return { simd: instantiate(module, memory), module, fused }
}

const compiled = (fused: boolean, memory: MemoryKind): object =>
  new Module(assemble({ ...sources, gemm: gemm(fused) }, memory))

/**
 * Does relaxed multiply-add exist here, and does it round once? Node 22 has it; Node 20's V8 behind a flag that may be set while running.
 * Tried on (1 + 2^-12)^2 - (1 + 2^-11), which is 2^-24 rounded once and 0 rounded twice.
 */
const fuses = (): boolean => {
  try {
    if (Number(process.versions.node.split('.')[0]) < 22) setFlagsFromString('--experimental-wasm-relaxed-simd')
    const memory = new Memory({ initial: 1 })
    const [a, panel, c] = [0, 64, 128]
    const numbers = new Float32Array(memory.buffer)
    numbers[a / 4] = 1 + 2 ** -12
    numbers[panel / 4] = 1 + 2 ** -12
    numbers[c / 4] = -(1 + 2 ** -11)
    instantiate(compiled(true, 'own'), memory).gemm(a, 4, 4, panel, c, 32, 1, 1, 1)
    return numbers[c / 4] === 2 ** -24
  } catch {
    return false
  }
}

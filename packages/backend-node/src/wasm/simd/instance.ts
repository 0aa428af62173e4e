import type { sources } from './sources.ts'

/** Our SIMD kernels over a memory. Arguments are byte addresses and counts, as each source says. */
export type Simd = Readonly<Record<keyof typeof sources | 'gemm', (...values: ReadonlyArray<number>) => void>>

/** A memory of WebAssembly; the buffer of one that grew is another. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer
}

/** The part of WebAssembly's API that is used; Node's types leave it to the DOM's. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
  readonly Memory: new (options: {
    readonly initial: number
    readonly maximum?: number
    readonly shared?: boolean
  }) => WasmMemory
}
export const { Module, Instance, Memory } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi })
  .WebAssembly

/** The compiled kernels onto a memory, in whichever thread. */
export const instantiate = (module: object, memory: object): Simd =>
  new Instance(module, { e: { m: memory } }).exports as Simd

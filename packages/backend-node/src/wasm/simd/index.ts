import { assemble } from './assembler.ts'
import { sources } from './sources.ts'

/** Our SIMD kernels over tfjs's own memory. Arguments are byte addresses and counts; `sources.ts` says which. */
export type Simd = Readonly<Record<keyof typeof sources, (...values: ReadonlyArray<number>) => void>>

/** The part of WebAssembly's API that is used; Node's types leave it to the DOM's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

/** Compile the kernels (a few milliseconds) onto a memory. */
export const compileSimd = (memory: object): Simd => {
  const module = new WebAssembly.Module(assemble(sources))
  return new WebAssembly.Instance(module, { env: { memory } }).exports as Simd
}

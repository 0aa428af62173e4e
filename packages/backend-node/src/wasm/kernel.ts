import type { TensorInfo, WasmBackend } from './heap.ts'
import type { Simd } from './simd/index.ts'
import type { Pool } from './threads/pool.ts'

/** A kernel as tfjs's registry calls it. */
export type KernelFunc = (call: {
  readonly inputs: Readonly<Record<string, TensorInfo>>
  readonly attrs: Readonly<Record<string, unknown>>
}) => TensorInfo | TensorInfo[]

/** What a kernel of ours is made from. */
export interface Device {
  readonly backend: WasmBackend
  readonly simd: Simd
  /** Further threads; undefined for one. */
  readonly pool: Pool | undefined
  /** tfjs's own kernel of that name, for the cases ours leaves to it. */
  readonly stock: (name: string) => KernelFunc
}

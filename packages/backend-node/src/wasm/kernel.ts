import type { TensorInfo } from './heap.ts'

export type TensorLike = TensorInfo

/** A kernel as tfjs's registry calls it. */
export type KernelFunc = (call: {
  readonly inputs: Readonly<Record<string, TensorLike>>
  readonly attrs: Readonly<Record<string, unknown>>
}) => TensorInfo | TensorInfo[]

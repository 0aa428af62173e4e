import type { KernelChoice } from '@durian/backend-webgpu'
import { type Backend, type Shape, sizeOf } from '@durian/core'

/** One kernel, or one that a gradient takes with it, on one size. */
export interface KernelCase {
  readonly name: string
  /** In words. */
  readonly size: string
  /** Tensors made before the clock starts. */
  readonly inputs: ReadonlyArray<Shape>
  /** Everything it makes is freed behind it. */
  readonly run: <T>(backend: Backend<T>, inputs: ReadonlyArray<T>) => unknown
  /** Floating point operations. */
  readonly flop: number
  /** Bytes that must be read and written at least: every operand once, every result once. */
  readonly bytes: number
  /** The kinds of kernels it is measured with. */
  readonly kernels: ReadonlyArray<KernelChoice>
}

/** Shapes in words; several of one kind as `6 of [96, 24]`. */
export const sizeText = (shapes: ReadonlyArray<Shape>): string => {
  const texts = shapes.map((shape) => `[${shape.join(', ')}]`)
  const [first] = texts
  return texts.length > 2 && texts.every((text) => text === first) ? `${texts.length} of ${first}` : texts.join(' ')
}

/** Bytes of float32 tensors. */
export const bytesOf = (...shapes: ReadonlyArray<Shape>): number =>
  shapes.reduce((total, shape) => total + 4 * sizeOf(shape), 0)

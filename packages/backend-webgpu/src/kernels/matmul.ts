import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { KernelBody } from '../registry.ts'
import { type Gpu, sizeOf } from './kernel.ts'
import type { Program } from './program.ts'
import { registerTiles } from './matmulRegisters.ts'
import { sharedTiles } from './matmulShared.ts'
import { summed } from './sum.ts'

/** How a product's operands lie, and what is added to it while it is written. All of it changes the code. */
export interface ProductForm {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly bias: boolean
  readonly plus: boolean
  /** How the operands' numbers are stored; sums are f32 all the same. */
  readonly a: 'f32' | 'half'
  readonly b: 'f32' | 'half'
}

/** A product's form in the name of its program. */
export const formName = ({ transposeA, transposeB, bias, plus, a, b }: ProductForm): string =>
  [
    [transposeA, transposeB, bias, plus].map(Number).join(''),
    ...(a === 'half' ? ['a16'] : []),
    ...(b === 'half' ? ['b16'] : []),
  ].join(' ')

export interface ProductSizes {
  readonly batch: number
  readonly m: number
  readonly k: number
  readonly n: number
}

/** A way to multiply: the program and its workgroups. Programs read `a`, `b`, then `bias` and `plus` where the form has them. */
export interface Tiles {
  readonly program: (form: ProductForm) => Program
  /** Workgroups, each with one tile or some, of one product. */
  readonly groups: (sizes: ProductSizes) => number
  /** Into how many pieces the inner size is cut so that the device has enough to do. */
  readonly splits: (sizes: ProductSizes) => number
}

const tilesOf = ({ style }: Gpu): Tiles => (style === 'barrier-free' ? registerTiles : sharedTiles)

interface Operands {
  readonly a: TensorInfo
  readonly b: TensorInfo
  readonly transposeA: boolean
  readonly transposeB: boolean
  /** [n], added to each row. */
  readonly bias?: TensorInfo | undefined
  /** [m, n], added at last. */
  readonly plus?: TensorInfo | undefined
}

/** op(a) op(b) + bias + plus, each element's terms always added in the same order: no atomics, so the same bits each time. */
export const product = (gpu: Gpu, { a, b, transposeA, transposeB, bias, plus }: Operands): TensorInfo => {
  const [m, k] = ordered(a.shape, transposeA)
  const [, n] = ordered(b.shape, transposeB)
  const axes = a.shape.slice(0, -2)
  const sizes = { batch: sizeOf(axes), m, k, n }
  const shape = [...axes, m, n]
  const tiles = tilesOf(gpu)
  const stored = (x: TensorInfo) => (gpu.halves.has(x) ? 'half' : 'f32')
  const form: ProductForm = {
    transposeA,
    transposeB,
    bias: bias !== undefined,
    plus: plus !== undefined,
    a: stored(a),
    b: stored(b),
  }
  const splits = form.bias || form.plus ? 1 : tiles.splits(sizes)
  const inputs = [a, b, bias, plus].filter((x) => x !== undefined)
  const [out] = gpu.launch(tiles.program(form), {
    inputs,
    outputs: [splits === 1 ? shape : [sizes.batch, splits, m * n]],
    numbers: { ...sizes, splits, depth: Math.ceil(k / splits) },
    groups: tiles.groups(sizes) * splits,
  })
  if (splits === 1) return out!
  const all = summed(gpu, out!, { outer: sizes.batch, size: splits, inner: m * n })
  gpu.backend.disposeData(out!.dataId)
  return { ...all, shape }
}

const ordered = (shape: ReadonlyArray<number>, transpose: boolean): readonly [number, number] => {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transpose ? [columns, rows] : [rows, columns]
}

/** tfjs's own product: its programs add floats with atomics where K is large, or wait at barriers. */
export const batchMatMul =
  (gpu: Gpu, stock: KernelBody): KernelBody =>
  ({ inputs, attrs }) => {
    const [a, b] = [inputs['a']!, inputs['b']!]
    const { transposeA, transposeB } = attrs as { readonly transposeA: boolean; readonly transposeB: boolean }
    const batch = a.shape.slice(0, -2)
    const same = a.shape.length === b.shape.length && batch.every((size, axis) => size === b.shape[axis])
    // broadcast batches and empty products occur in no program of ours
    if (!same || sizeOf(a.shape) === 0 || sizeOf(b.shape) === 0) return stock({ inputs, attrs })
    return product(gpu, { a, b, transposeA, transposeB })
  }

/** x W^T + bias + plus in one dispatch: [N, in], [out, in] -> [N, out]. */
export const linear =
  (gpu: Gpu): KernelBody =>
  ({ inputs }) =>
    product(gpu, {
      a: inputs['x']!,
      b: inputs['weight']!,
      transposeA: false,
      transposeB: true,
      bias: inputs['bias'],
      plus: inputs['plus'],
    })

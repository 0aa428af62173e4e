import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, sizeOf, THREADS } from './kernel.ts'
import type { Program } from './program.ts'

/** [outer, size, inner] -> [outer, parts, inner]: part p adds up every parts-th number from p, so that neighbours read neighbours. */
const partialSums: Program = {
  name: 'DurianSum',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  numbers: { total: 'u32', size: 'u32', inner: 'u32', parts: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.total) { return; }
  let column = index % u.inner;
  let rest = index / u.inner;
  let start = (rest / u.parts) * u.size * u.inner + column;
  var sum = 0.0;
  for (var i = rest % u.parts; i < u.size; i += u.parts) { sum += x[start + i * u.inner]; }
  y[index] = sum;`,
}

interface Axis {
  readonly outer: number
  readonly size: number
  readonly inner: number
}

/** Numbers one invocation adds up where others could help it. */
const PER_THREAD = 64
/** Invocations that keep a GPU busy. */
const ENOUGH = 1 << 16

/** How many invocations share one sum: one where there are sums enough, or a processor plays the GPU. */
const partsOf = ({ style }: Gpu, { outer, size, inner }: Axis): number =>
  style === 'barrier-free' || size <= 2 * PER_THREAD || outer * inner >= ENOUGH ? 1 : Math.ceil(size / PER_THREAD)

/** [outer, size, inner] -> [outer, 1, inner], in an order that depends on the shape alone. */
export const summed = (gpu: Gpu, x: TensorInfo, axis: Axis): TensorInfo => {
  const { outer, size, inner } = axis
  const parts = partsOf(gpu, axis)
  const [sums] = gpu.launch(partialSums, {
    inputs: [x],
    outputs: [[outer, parts, inner]],
    numbers: { total: outer * parts * inner, size, inner, parts },
    groups: groupsOf(outer * parts * inner),
  })
  if (parts === 1) return sums!
  const all = summed(gpu, sums!, { outer, size: parts, inner })
  gpu.backend.disposeData(sums!.dataId)
  return all
}

/** Sum over rows of what `make` adds up in so many parts: [parts, width] -> [1, width]. */
export const summedRows = (
  gpu: Gpu,
  { rows, width }: { readonly rows: number; readonly width: number },
  make: (parts: number) => TensorInfo,
): TensorInfo => {
  const parts = partsOf(gpu, { outer: 1, size: rows, inner: width })
  const sums = make(parts)
  if (parts === 1) return sums
  const all = summed(gpu, sums, { outer: 1, size: parts, inner: width })
  gpu.backend.disposeData(sums.dataId)
  return all
}

const around = (shape: ReadonlyArray<number>, first: number, last: number): Axis => ({
  outer: sizeOf(shape.slice(0, first)),
  size: sizeOf(shape.slice(first, last + 1)),
  inner: sizeOf(shape.slice(last + 1)),
})

/** Our own `sum`: over one axis, which stays. */
export const sumAxis =
  (gpu: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const x = inputs['x']!
    const axis = attrs['axis'] as number
    return { ...summed(gpu, x, around(x.shape, axis, axis)), shape: x.shape.with(axis, 1) }
  }

/** dy of a sum put back along its axis: [.., 1, ..] -> [.., size, ..]. */
const spread: Program = {
  name: 'DurianSumGrad',
  inputs: { dy: 'f32' },
  outputs: { dx: 'f32' },
  numbers: { total: 'u32', size: 'u32', inner: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.total) { return; }
  dx[index] = dy[index / (u.size * u.inner) * u.inner + index % u.inner];`,
}

export const sumAxisGrad =
  ({ launch }: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const dy = inputs['dy']!
    const { axis, size } = attrs as { readonly axis: number; readonly size: number }
    const shape = dy.shape.with(axis, size)
    const { inner } = around(shape, axis, axis)
    const [dx] = launch(spread, {
      inputs: [dy],
      outputs: [shape],
      numbers: { total: sizeOf(shape), size, inner },
      groups: groupsOf(sizeOf(shape)),
    })
    return dx!
  }

/** tfjs's `Sum` over any axes: its own transposes what lies behind them, and both halves wait at barriers. */
export const sumAxes =
  (gpu: Gpu, stock: KernelBody): KernelBody =>
  ({ inputs, attrs }) => {
    const x = inputs['x']!
    const { axis, keepDims } = attrs as { readonly axis: number | ReadonlyArray<number>; readonly keepDims: boolean }
    const rank = x.shape.length
    const axes = [axis]
      .flat()
      .map((a) => (a + rank) % rank)
      .sort((a, b) => a - b)
    if (x.dtype !== 'float32' || sizeOf(x.shape) === 0 || axes.length === 0) return stock({ inputs, attrs })
    let shape: ReadonlyArray<number> = x.shape
    let sums: TensorInfo = x
    // runs of neighbouring axes are one axis; the last run first, it has the most to add up
    for (let last = axes.length - 1; last >= 0; last--) {
      let first = last
      while (first > 0 && axes[first - 1] === axes[first]! - 1) first--
      const less = summed(gpu, { ...sums, shape: [...shape] }, around(shape, axes[first]!, axes[last]!))
      if (sums !== x) gpu.backend.disposeData(sums.dataId)
      shape = shape.map((n, a) => (a >= axes[first]! && a <= axes[last]! ? 1 : n))
      sums = less
      last = first
    }
    return { ...sums, shape: keepDims ? [...shape] : shape.filter((_, a) => !axes.includes(a)) }
  }

import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, sizeOf, THREADS } from './kernel.ts'
import type { Program } from './program.ts'

/**
 * tfjs's kernels that only move numbers, for tensors in 16 bits: words of two are moved as integers, so nothing is widened and no bit changes.
 * What does not keep words whole, and everything in 32 bits, is left to tfjs's own.
 */

const AXES = [0, 1, 2, 3] as const

/** A block of words of up to four axes, each with its step in the source and in the result. */
const moved: Program = {
  name: 'DurianMoved',
  inputs: { x: 'i32' },
  outputs: { y: 'i32' },
  numbers: {
    size: 'u32',
    first: 'u32',
    to: 'u32',
    ...Object.fromEntries(
      AXES.flatMap((a) => [`n${a}`, `read${a}`, `write${a}`].map((name) => [name, 'u32'] as const)),
    ),
  },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  var rest = index;
  var source = u.first;
  var place = u.to;
  ${AXES.toReversed()
    .map(
      (a) =>
        `let i${a} = rest % u.n${a}; rest = rest / u.n${a}; source += i${a} * u.read${a}; place += i${a} * u.write${a};`,
    )
    .join('\n  ')}
  y[place] = x[source];`,
}

interface Block {
  readonly shape: ReadonlyArray<number>
  /** Where it begins in the source, and in the result. */
  readonly from?: number
  readonly to?: number
  readonly read: ReadonlyArray<number>
  readonly write: ReadonlyArray<number>
}

const move = ({ launch }: Gpu, x: TensorInfo, y: TensorInfo, { shape, from = 0, to = 0, read, write }: Block): void => {
  const missing = AXES.length - shape.length
  const size = sizeOf(shape)
  const axes = AXES.flatMap((a) => [
    [`n${a}`, shape[a - missing] ?? 1],
    [`read${a}`, read[a - missing] ?? 0],
    [`write${a}`, write[a - missing] ?? 0],
  ])
  launch(moved, {
    inputs: [x],
    outputs: [y],
    numbers: { size, first: from, to, ...(Object.fromEntries(axes) as Record<string, number>) },
    groups: groupsOf(size),
  })
}

const steps = (shape: ReadonlyArray<number>): ReadonlyArray<number> =>
  shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))

/** The shape in words; null where a row's numbers do not fill them, or there are more axes than `move` knows. */
const wordsOf = (shape: ReadonlyArray<number>): ReadonlyArray<number> | null => {
  const width = shape.at(-1) ?? 1
  return width % 2 === 0 && shape.length <= AXES.length && sizeOf(shape) > 0 ? shape.with(-1, width / 2) : null
}

export const transpose =
  (gpu: Gpu, stock: KernelBody): KernelBody =>
  (call) => {
    const x = call.inputs['x']!
    const perm = call.attrs['perm'] as ReadonlyArray<number>
    const words = gpu.halves.has(x) ? wordsOf(x.shape) : null
    if (words === null || perm.at(-1) !== perm.length - 1) return stock(call)
    const y = gpu.halves.make(perm.map((axis) => x.shape[axis]!))
    const shape = perm.map((axis) => words[axis]!)
    const read = steps(words)
    move(gpu, x, y, { shape, read: perm.map((axis) => read[axis]!), write: steps(shape) })
    return y
  }

export const slice =
  (gpu: Gpu, stock: KernelBody): KernelBody =>
  (call) => {
    const x = call.inputs['x']!
    const [begin, asked] = [call.attrs['begin'], call.attrs['size']] as ReadonlyArray<ReadonlyArray<number>>
    const words = gpu.halves.has(x) ? wordsOf(x.shape) : null
    if (words === null || begin!.length !== x.shape.length || asked!.length !== x.shape.length) return stock(call)
    const size = asked!.map((n, axis) => (n === -1 ? x.shape[axis]! - begin![axis]! : n))
    const shape = wordsOf(size)
    if (shape === null || begin!.at(-1)! % 2 !== 0) return stock(call)
    const read = steps(words)
    const from = begin!.with(-1, begin!.at(-1)! / 2).reduce((place, first, axis) => place + first * read[axis]!, 0)
    const y = gpu.halves.make(size)
    move(gpu, x, y, { shape, from, read, write: steps(shape) })
    return y
  }

export const concat =
  (gpu: Gpu, stock: KernelBody): KernelBody =>
  (call) => {
    const xs = Object.values(call.inputs)
    const rank = xs[0]!.shape.length
    const axis = ((call.attrs['axis'] as number) + rank) % rank
    const fits = xs.every((x) => gpu.halves.has(x) && wordsOf(x.shape.slice(-AXES.length)) !== null)
    if (!fits) return stock(call)
    const innerOf = ({ shape }: TensorInfo): number => sizeOf(shape.slice(axis)) / 2
    const outer = sizeOf(xs[0]!.shape.slice(0, axis))
    const inner = xs.reduce((sum, x) => sum + innerOf(x), 0)
    const y = gpu.halves.make(
      xs[0]!.shape.with(
        axis,
        xs.reduce((sum, { shape }) => sum + shape[axis]!, 0),
      ),
    )
    let to = 0
    for (const x of xs) {
      const own = innerOf(x)
      move(gpu, x, y, { shape: [outer, own], to, read: [own, 1], write: [inner, 1] })
      to += own
    }
    return y
  }

/** Rows of a table of words. */
const gathered: Program = {
  name: 'DurianGathered',
  inputs: { x: 'i32', ids: 'i32' },
  outputs: { y: 'i32' },
  numbers: { size: 'u32', width: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  y[index] = x[u32(ids[index / u.width]) * u.width + index % u.width];`,
}

export const gather =
  (gpu: Gpu, stock: KernelBody): KernelBody =>
  (call) => {
    const [x, ids] = [call.inputs['x']!, call.inputs['indices']!]
    const words = gpu.halves.has(x) ? wordsOf(x.shape) : null
    const { axis, batchDims = 0 } = call.attrs as { readonly axis: number; readonly batchDims?: number }
    const plain = axis === 0 && batchDims === 0 && x.shape.length === 2 && ids.shape.length === 1 && ids.shape[0] > 0
    if (words === null || !plain) return stock(call)
    const [rows, width] = [ids.shape[0], words[1]!]
    const y = gpu.halves.make([rows, x.shape[1]])
    gpu.launch(gathered, {
      inputs: [x, ids],
      outputs: [y],
      numbers: { size: rows * width, width },
      groups: groupsOf(rows * width),
    })
    return y
  }

import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, sizeOf, THREADS } from './kernel.ts'
import { eachOf, groupsOfRows, type Lanes, lanesOf, rowAndLane, together } from './lanes.ts'
import type { Program } from './program.ts'

const numbersOfAdamW = ['keepFirst', 'takeFirst', 'keepSecond', 'takeSecond', 'rate', 'guard', 'shrink'] as const

const adamWProgram: Program = {
  name: 'DurianAdamW',
  inputs: { p: 'f32', g: 'f32', m: 'f32', v: 'f32' },
  outputs: { moved: 'f32', first: 'f32', second: 'f32' },
  numbers: { size: 'u32', ...Object.fromEntries(numbersOfAdamW.map((name) => [name, 'f32'] as const)) },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  let slope = g[index];
  let newFirst = u.keepFirst * m[index] + u.takeFirst * slope;
  let newSecond = u.keepSecond * v[index] + u.takeSecond * (slope * slope);
  first[index] = newFirst;
  second[index] = newSecond;
  moved[index] = u.shrink * p[index] - u.rate * (newFirst / (sqrt(newSecond) + u.guard));`,
}

/** One tensor's step in one dispatch, where the program takes 13. */
export const adamW =
  ({ launch }: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const { shape } = inputs['p']!
    const size = sizeOf(shape)
    const numbers = Object.fromEntries(numbersOfAdamW.map((name) => [name, attrs[name] as number]))
    return [
      ...launch(adamWProgram, {
        inputs: ['p', 'g', 'm', 'v'].map((name) => inputs[name]!),
        outputs: [shape, shape, shape],
        numbers: { size, ...numbers },
        groups: groupsOf(size),
      }),
    ]
  }

const places = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

const chunksOf = (xs: ReadonlyArray<TensorInfo>, most: number): ReadonlyArray<ReadonlyArray<TensorInfo>> =>
  Array.from({ length: Math.ceil(xs.length / most) }, (_, i) => xs.slice(i * most, (i + 1) * most))

const scaledProgram = (count: number): Program => ({
  name: `DurianScaled ${count}`,
  inputs: { factor: 'f32', ...Object.fromEntries(places(count).map((i) => [`x${i}`, 'f32'])) },
  outputs: Object.fromEntries(places(count).map((i) => [`y${i}`, 'f32'])),
  numbers: Object.fromEntries(places(count).map((i) => [`size${i}`, 'u32'])),
  threads: THREADS,
  body: () =>
    places(count)
      .map((i) => `if (index < u.size${i}) { y${i}[index] = x${i}[index] * factor[0]; }`)
      .join('\n  '),
})

/** Every tensor times one number: as many tensors a dispatch as the device binds together with their results. */
export const scaled =
  ({ launch, mostBuffers }: Gpu): KernelBody =>
  ({ inputs: { factor, ...tensors } }) =>
    // parameters without numbers occur nowhere, and could not be bound
    chunksOf(Object.values(tensors), Math.floor((mostBuffers - 1) / 2)).flatMap((xs) => {
      const sizes = xs.map(({ shape }) => sizeOf(shape))
      return launch(scaledProgram(xs.length), {
        inputs: [factor!, ...xs],
        outputs: xs.map(({ shape }) => shape),
        numbers: Object.fromEntries(sizes.map((size, i) => [`size${i}`, size])),
        groups: groupsOf(Math.max(...sizes)),
      })
    })

/** Numbers added up together by the invocations of one row. */
const blockOf = ({ count }: Lanes): number => (count === 1 ? 1024 : 4096)

/** Sums of squares of blocks of several tensors, first all blocks of the first. */
const squares = (lanes: Lanes, count: number): Program => ({
  name: `DurianSquaredNorm x${lanes.count} of ${count}`,
  inputs: Object.fromEntries(places(count).map((i) => [`x${i}`, 'f32'])),
  outputs: { y: 'f32' },
  numbers: Object.fromEntries([
    ['rows', 'u32'],
    ...places(count).flatMap((i) => [
      [`size${i}`, 'u32'],
      [`end${i}`, 'u32'],
    ]),
  ]),
  threads: THREADS,
  head: () => together(lanes),
  body: () => `${rowAndLane(lanes)}
  var sum = 0.0;
  ${places(count)
    .map(
      (i) => `${i === 0 ? '' : 'else '}if (row < u.end${i}) {
    let start = (row - ${i === 0 ? '0u' : `u.end${i - 1}`}) * ${blockOf(lanes)}u;
    let stop = min(u.size${i}, start + ${blockOf(lanes)}u);
    for (var i = start + lane; i < stop; i += ${lanes.count}u) { sum += x${i}[i] * x${i}[i]; }
  }`,
    )
    .join(' ')}
  sum = total(sum, lane);
  if (lane == 0u) { y[row] = sum; }`,
})

/** Everything in several tensors added up, one number. */
const sums = (lanes: Lanes, count: number): Program => ({
  name: `DurianSquaredNorm end x${lanes.count} of ${count}`,
  inputs: Object.fromEntries(places(count).map((i) => [`x${i}`, 'f32'])),
  outputs: { y: 'f32' },
  numbers: Object.fromEntries([['rows', 'u32'], ...places(count).map((i) => [`size${i}`, 'u32'])]),
  threads: THREADS,
  head: () => together(lanes),
  body: () => `${rowAndLane(lanes)}
  var sum = 0.0;
  ${places(count)
    .map((i) => eachOf(lanes, `u.size${i}`, `sum += x${i}[i];`))
    .join('\n  ')}
  sum = total(sum, lane);
  if (lane == 0u) { y[0] = sum; }`,
})

/** Sum of the squares of all tensors, []: one dispatch for as many as the device binds at once, and one for what they give. */
export const squaredNorm = ({ launch, style, backend, mostBuffers }: Gpu): KernelBody => {
  const lanes = lanesOf(style)
  const chunks = (xs: ReadonlyArray<TensorInfo>) => chunksOf(xs, mostBuffers - 1)
  const sizesOf = (xs: ReadonlyArray<TensorInfo>) =>
    Object.fromEntries(xs.map(({ shape }, i) => [`size${i}`, sizeOf(shape)]))

  const blocks = (xs: ReadonlyArray<TensorInfo>): TensorInfo => {
    let rows = 0
    const ends = xs.map(({ shape }, i) => [`end${i}`, (rows += Math.ceil(sizeOf(shape) / blockOf(lanes)))] as const)
    const [partial] = launch(squares(lanes, xs.length), {
      inputs: xs,
      outputs: [[rows]],
      numbers: { rows, ...sizesOf(xs), ...Object.fromEntries(ends) },
      groups: groupsOfRows(lanes, rows),
    })
    return partial!
  }
  const joined = (xs: ReadonlyArray<TensorInfo>): TensorInfo => {
    const [sum] = launch(sums(lanes, xs.length), {
      inputs: xs,
      outputs: [[1]],
      numbers: { rows: 1, ...sizesOf(xs) },
      groups: 1,
    })
    for (const { dataId } of xs) backend.disposeData(dataId)
    return sum!
  }

  return ({ inputs }) => {
    const filled = Object.values(inputs).filter(({ shape }) => sizeOf(shape) > 0)
    if (filled.length === 0) return backend.makeTensorInfo([], 'float32', new Float32Array(1))
    let partial = chunks(filled).map(blocks)
    do partial = chunks(partial).map(joined)
    while (partial.length > 1)
    return { ...partial[0]!, shape: [] }
  }
}

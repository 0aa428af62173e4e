import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, THREADS } from './kernel.ts'
import { eachOf, groupsOfRows, type Lanes, lanesOf, rowAndLane, together } from './lanes.ts'
import { type Program, put } from './program.ts'
import { summedRows } from './sum.ts'

const forward = (lanes: Lanes): Program => ({
  name: `DurianRmsNorm x${lanes.count}`,
  inputs: { x: 'f32', w: 'f32' },
  outputs: { y: 'f32' },
  numbers: { rows: 'u32', width: 'u32', epsilon: 'f32' },
  threads: THREADS,
  head: () => together(lanes),
  body: () => `${rowAndLane(lanes)}
  let start = row * u.width;
  var squares = 0.0;
  ${eachOf(lanes, 'u.width', 'let v = x[start + i]; squares += v * v;')}
  let k = 1.0 / sqrt(total(squares, lane) / f32(u.width) + u.epsilon);
  ${eachOf(lanes, 'u.width', 'y[start + i] = x[start + i] * k * w[i];')}`,
})

/** The same in 16 bits, two numbers at a time; rows are even. */
const forwardHalf = (lanes: Lanes): Program => ({
  ...forward(lanes),
  name: `DurianRmsNorm 16 x${lanes.count}`,
  outputs: { y: 'half' },
  body: () => `${rowAndLane(lanes)}
  let start = row * u.width;
  var squares = 0.0;
  ${eachOf(lanes, 'u.width', 'let v = x[start + i]; squares += v * v;')}
  let k = 1.0 / sqrt(total(squares, lane) / f32(u.width) + u.epsilon);
  ${eachOf(
    lanes,
    'u.width / 2u',
    `let at = start + 2u * i;
    ${put('half', 'y', 'start / 2u + i', 'vec2<f32>(x[at] * k * w[2u * i], x[at + 1u] * k * w[2u * i + 1u])')}`,
  )}`,
})

/** dx = k (dy w - x k^2 mean(dy w x)), and k of each row for the weight's gradient. */
const backward = (lanes: Lanes): Program => ({
  name: `DurianRmsNormGrad x${lanes.count}`,
  inputs: { dy: 'f32', x: 'f32', w: 'f32' },
  outputs: { dx: 'f32', scale: 'f32' },
  numbers: { rows: 'u32', width: 'u32', epsilon: 'f32' },
  threads: THREADS,
  head: () => together(lanes),
  body: () => `${rowAndLane(lanes)}
  let start = row * u.width;
  var squares = 0.0;
  var product = 0.0;
  ${eachOf(lanes, 'u.width', 'let v = x[start + i]; squares += v * v; product += dy[start + i] * w[i] * v;')}
  let k = 1.0 / sqrt(total(squares, lane) / f32(u.width) + u.epsilon);
  let shrink = total(product, lane) / f32(u.width) * k * k;
  ${eachOf(lanes, 'u.width', 'dx[start + i] = k * (dy[start + i] * w[i] - x[start + i] * shrink);')}
  if (lane == 0u) { scale[row] = k; }`,
})

/** Sums over this part's rows of dy x k: [parts, width]. */
const weightParts: Program = {
  name: 'DurianRmsNormGrad weight',
  inputs: { dy: 'f32', x: 'f32', scale: 'f32' },
  outputs: { dw: 'f32' },
  numbers: { rows: 'u32', width: 'u32', parts: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.parts * u.width) { return; }
  let column = index % u.width;
  var sum = 0.0;
  for (var row = index / u.width; row < u.rows; row += u.parts) {
    let place = row * u.width + column;
    sum += dy[place] * x[place] * scale[row];
  }
  dw[index] = sum;`,
}

/** [N, d], [d] -> [N, d]. In mixed precision its result, which goes into a product, is made in 16 bits. */
export const rmsNorm = ({ launch, style, precision }: Gpu): KernelBody => {
  const lanes = lanesOf(style)
  const [plain, half] = [forward(lanes), forwardHalf(lanes)]
  return ({ inputs, attrs }) => {
    const [x, weight] = [inputs['x']!, inputs['weight']!]
    const [rows, width] = x.shape as [number, number]
    const [y] = launch(precision === 'mixed' && width % 2 === 0 ? half : plain, {
      inputs: [x, weight],
      outputs: [x.shape],
      numbers: { rows, width, epsilon: attrs['epsilon'] as number },
      groups: groupsOfRows(lanes, rows),
    })
    return y!
  }
}

/** Gradients of x and of the weight. */
export const rmsNormGrad = (gpu: Gpu): KernelBody => {
  const lanes = lanesOf(gpu.style)
  const program = backward(lanes)
  return ({ inputs, attrs }) => {
    const [dy, x, weight] = [inputs['dy']!, inputs['x']!, inputs['weight']!]
    const [rows, width] = x.shape as [number, number]
    const [dx, scale] = gpu.launch(program, {
      inputs: [dy, x, weight],
      outputs: [x.shape, [rows]],
      numbers: { rows, width, epsilon: attrs['epsilon'] as number },
      groups: groupsOfRows(lanes, rows),
    })
    const dw = summedRows(gpu, { rows, width }, (parts) => {
      const [part] = gpu.launch(weightParts, {
        inputs: [dy, x, scale!],
        outputs: [[parts, width]],
        numbers: { rows, width, parts },
        groups: groupsOf(parts * width),
      })
      return part!
    })
    gpu.backend.disposeData(scale!.dataId)
    return [dx!, { ...dw, shape: weight.shape }]
  }
}

import type { KernelBody } from '../registry.ts'
import { type Gpu, sizeOf, THREADS } from './kernel.ts'
import { eachOf, groupsOfRows, highestOf, type Lanes, lanesOf, rowAndLane, together } from './lanes.ts'
import { power, type Program } from './program.ts'

const forward = (lanes: Lanes): Program => ({
  name: `DurianSoftmax x${lanes.count}`,
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  numbers: { rows: 'u32', width: 'u32' },
  threads: THREADS,
  head: () => together(lanes) + power,
  body: () => `${rowAndLane(lanes)}
  ${highestOf(lanes, 'x')}
  var weights = 0.0;
  ${eachOf(lanes, 'u.width', 'let w = power(x[start + i] - most); y[start + i] = w; weights += w;')}
  weights = total(weights, lane);
  ${eachOf(lanes, 'u.width', 'y[start + i] = y[start + i] / weights;')}`,
})

/** (dy - sum(dy y)) y. */
const backward = (lanes: Lanes): Program => ({
  name: `DurianSoftmaxGrad x${lanes.count}`,
  inputs: { dy: 'f32', y: 'f32' },
  outputs: { dx: 'f32' },
  numbers: { rows: 'u32', width: 'u32' },
  threads: THREADS,
  head: () => together(lanes),
  body: () => `${rowAndLane(lanes)}
  let start = row * u.width;
  var product = 0.0;
  ${eachOf(lanes, 'u.width', 'product += dy[start + i] * y[start + i];')}
  product = total(product, lane);
  ${eachOf(lanes, 'u.width', 'dx[start + i] = (dy[start + i] - product) * y[start + i];')}`,
})

/** A kernel over the rows of the last axis whose result has the shape of its inputs. */
const rowWise =
  (make: (lanes: Lanes) => Program, names: ReadonlyArray<string>) =>
  ({ launch, style }: Gpu): KernelBody => {
    const lanes = lanesOf(style)
    const program = make(lanes)
    return ({ inputs }) => {
      const ordered = names.map((name) => inputs[name]!)
      const { shape } = ordered[0]!
      const width = shape.at(-1)!
      const rows = sizeOf(shape) / width
      const [out] = launch(program, {
        inputs: ordered,
        outputs: [shape],
        numbers: { rows, width },
        groups: groupsOfRows(lanes, rows),
      })
      return out!
    }
  }

export const softmax = rowWise(forward, ['x'])
export const softmaxGrad = rowWise(backward, ['dy', 'y'])

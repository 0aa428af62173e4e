import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, sizeOf, THREADS } from './kernel.ts'
import type { Program } from './program.ts'

type Direction = 'forward' | 'backward'

/** x cos + (-x2, x1) sin on each head of each row; backwards dy cos + (d2, -d1) with d = dy sin. Cosines and sines of a row serve all its heads. */
const turned = (direction: Direction): Program => ({
  name: `DurianRotary ${direction}`,
  inputs: { x: 'f32', cosine: 'f32', sine: 'f32' },
  outputs: { y: 'f32' },
  numbers: { size: 'u32', width: 'u32', headDim: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  let half = u.headDim / 2u;
  let place = index / u.width * u.headDim;
  let column = index % u.headDim;
  let first = column < half;
  let other = select(index - half, index + half, first);
  ${
    direction === 'forward'
      ? 'let turn = select(x[other], -x[other], first) * sine[place + column];'
      : 'let turn = select(-x[other], x[other], first) * sine[place + select(column - half, column + half, first)];'
  }
  y[index] = x[index] * cosine[place + column] + turn;`,
})

const kernel =
  (direction: Direction, name: string) =>
  ({ launch }: Gpu): KernelBody => {
    const program = turned(direction)
    return ({ inputs }) => {
      const [x, cos, sin] = [inputs[name]!, inputs['cos']!, inputs['sin']!]
      const size = sizeOf(x.shape)
      const [y] = launch(program, {
        inputs: [x, cos, sin],
        outputs: [x.shape],
        numbers: { size, width: x.shape[1]!, headDim: cos.shape[2]! },
        groups: groupsOf(size),
      })
      return y!
    }
  }

/** [N, heads hd], tables [N, 1, hd] -> [N, heads hd]. */
export const rotary = kernel('forward', 'x')
export const rotaryGrad = kernel('backward', 'dy')

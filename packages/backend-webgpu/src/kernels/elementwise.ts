import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, sizeOf, THREADS } from './kernel.ts'
import { power, type Program, put } from './program.ts'

const swigluProgram: Program = {
  name: 'DurianSwiglu',
  inputs: { gate: 'f32', up: 'f32' },
  outputs: { y: 'f32' },
  numbers: { size: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  let g = gate[index];
  y[index] = g / (1.0 + exp(-g)) * up[index];`,
}

/** The same in 16 bits, two numbers an invocation. */
const swigluHalfProgram: Program = {
  ...swigluProgram,
  name: 'DurianSwiglu 16',
  outputs: { y: 'half' },
  body: () => `
  let first = 2u * index;
  if (first >= u.size) { return; }
  let second = min(first + 1u, u.size - 1u);
  let g = vec2<f32>(gate[first], gate[second]);
  ${put('half', 'y', 'index', 'g / (1.0 + exp(-g)) * vec2<f32>(up[first], up[second])')}`,
}

/** With s = sigmoid(g): dUp = dy g s, dGate = dy up s (1 + g (1 - s)). */
const swigluGradProgram: Program = {
  name: 'DurianSwigluGrad',
  inputs: { dy: 'f32', gate: 'f32', up: 'f32' },
  outputs: { dGate: 'f32', dUp: 'f32' },
  numbers: { size: 'u32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  let g = gate[index];
  let s = 1.0 / (1.0 + exp(-g));
  let share = dy[index] * s;
  dGate[index] = share * up[index] * (1.0 + g * (1.0 - s));
  dUp[index] = share * g;`,
}

/** In mixed precision its result, which goes into a product, is made in 16 bits. */
export const swiglu =
  ({ launch, precision }: Gpu): KernelBody =>
  ({ inputs }) => {
    const [gate, up] = [inputs['gate']!, inputs['up']!]
    const size = sizeOf(gate.shape)
    const mixed = precision === 'mixed'
    const [y] = launch(mixed ? swigluHalfProgram : swigluProgram, {
      inputs: [gate, up],
      outputs: [gate.shape],
      numbers: { size },
      groups: groupsOf(mixed ? Math.ceil(size / 2) : size),
    })
    return y!
  }

export const swigluGrad =
  ({ launch }: Gpu): KernelBody =>
  ({ inputs }) => {
    const [dy, gate, up] = [inputs['dy']!, inputs['gate']!, inputs['up']!]
    const size = sizeOf(gate.shape)
    return [
      ...launch(swigluGradProgram, {
        inputs: [dy, gate, up],
        outputs: [gate.shape, gate.shape],
        numbers: { size },
        groups: groupsOf(size),
      }),
    ]
  }

/** Clamp that keeps NaN, in one kernel: stock clipByValue may drop it. */
const clipProgram: Program = {
  name: 'DurianClip',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  numbers: { size: 'u32', lo: 'f32', hi: 'f32' },
  threads: THREADS,
  head: () => power,
  body: () => `
  if (index >= u.size) { return; }
  let v = x[index];
  y[index] = select(min(max(v, u.lo), u.hi), v, isNone(v));`,
}

export const clip =
  ({ launch }: Gpu): KernelBody =>
  ({ inputs, attrs }) => {
    const x = inputs['x']!
    const { lo, hi } = attrs as { readonly lo: number; readonly hi: number }
    const size = sizeOf(x.shape)
    const [y] = launch(clipProgram, {
      inputs: [x],
      outputs: [x.shape],
      numbers: { size, lo, hi },
      groups: groupsOf(size),
    })
    return y!
  }

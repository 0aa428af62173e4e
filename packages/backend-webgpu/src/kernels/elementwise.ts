import type { KernelBody } from '../registry.ts'
import { groupsOf, type Gpu, sizeOf, THREADS } from './kernel.ts'
import { power, type Program } from './program.ts'

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

export const swiglu =
  ({ launch }: Gpu): KernelBody =>
  ({ inputs }) => {
    const [gate, up] = [inputs['gate']!, inputs['up']!]
    const size = sizeOf(gate.shape)
    const [y] = launch(swigluProgram, {
      inputs: [gate, up],
      outputs: [gate.shape],
      numbers: { size },
      groups: groupsOf(size),
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

import { groupsOf, type Gpu, type KernelFunc, sizeOf, THREADS } from './kernel.ts'
import type { Program } from './program.ts'

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
  ({ launch }: Gpu): KernelFunc =>
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
  ({ launch }: Gpu): KernelFunc =>
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

/** Clamp that keeps NaN, in one kernel: stock clipByValue may drop it. By its bits: compilers may take it that a NaN never comes. */
const clipProgram: Program = {
  name: 'DurianClip',
  inputs: { x: 'f32' },
  outputs: { y: 'f32' },
  numbers: { size: 'u32', lo: 'f32', hi: 'f32' },
  threads: THREADS,
  body: () => `
  if (index >= u.size) { return; }
  let v = x[index];
  let isNaN = (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
  y[index] = select(min(max(v, u.lo), u.hi), v, isNaN);`,
}

export const clip =
  ({ launch }: Gpu): KernelFunc =>
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

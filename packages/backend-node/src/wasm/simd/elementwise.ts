import { add, atLeast, atMost, four, max, min, mul, splat, sub, type Code, type KernelSource } from './assembler.ts'
import { each } from './each.ts'
import { sigmoid } from './exp.ts'

/** f of two arrays, element by element: (a, b, out, bytes). f32x4.min and .max keep NaN. */
const pairwise = (f: (a: Code, b: Code) => Code): KernelSource => ({
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: ([a, b, out, bytes], declare) =>
    each([a!, b!, out!], bytes!.get, declare('i32'), (lanes) => [
      lanes.store(out!.get, f(lanes.load(a!.get), lanes.load(b!.get))),
    ]),
})

/** Clamp that keeps NaN: (x, out, bytes, lo, hi). */
export const clip: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'f32', 'f32'],
  body: ([x, out, bytes, lo, hi], declare) =>
    each([x!, out!], bytes!.get, declare('i32'), (lanes) => [
      lanes.store(out!.get, atMost(atLeast(lanes.load(x!.get), splat(lo!.get)), splat(hi!.get))),
    ]),
}

/** silu(gate) * up: (gate, up, out, bytes). */
export const swiglu: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: ([gate, up, out, bytes], declare) => {
    const [g, n, r] = [declare('v128'), declare('v128'), declare('v128')]
    return each([gate!, up!, out!], bytes!.get, declare('i32'), (lanes) => [
      g.set(lanes.load(gate!.get)),
      lanes.store(out!.get, mul(mul(g.get, sigmoid(g.get, n, r)), lanes.load(up!.get))),
    ])
  },
}

/** Gradient of swiglu: (dy, gate, up, dGate, dUp, bytes). With s = sigmoid(g): dUp = dy g s, dGate = dy up s (1 + g (1 - s)). */
export const swigluGrad: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body: ([dy, gate, up, dGate, dUp, bytes], declare) => {
    const [g, s, u, n, r] = [declare('v128'), declare('v128'), declare('v128'), declare('v128'), declare('v128')]
    return each([dy!, gate!, up!, dGate!, dUp!], bytes!.get, declare('i32'), (lanes) => [
      g.set(lanes.load(gate!.get)),
      s.set(sigmoid(g.get, n, r)),
      u.set(mul(lanes.load(dy!.get), s.get)),
      lanes.store(dUp!.get, mul(u.get, g.get)),
      lanes.store(dGate!.get, mul(mul(u.get, lanes.load(up!.get)), add(four(1), mul(g.get, sub(four(1), s.get))))),
    ])
  },
}

export const minimum = pairwise(min)
export const maximum = pairwise(max)

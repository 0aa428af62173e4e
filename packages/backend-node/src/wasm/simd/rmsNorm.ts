import {
  add,
  addF,
  below,
  divF,
  float,
  floatOf,
  four,
  loopWhile,
  mul,
  mulF,
  plus,
  splat,
  sqrtF,
  sub,
  sumLanes,
  times,
  type Code,
  type KernelSource,
  type Variable,
} from './assembler.ts'
import { each } from './each.ts'

/** 1 / sqrt(sum of squares / width + epsilon), from the sum in a vector's lanes. */
const inverseRms = (squares: Variable, bytes: Variable, epsilon: Variable): Code =>
  divF(float(1), sqrtF(addF(divF(sumLanes(squares), divF(floatOf(bytes.get), float(4))), epsilon.get)))

/** x / sqrt(mean x^2 + epsilon) * weight: (x, weight, out, rows, row bytes, epsilon). */
export const rmsNorm: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'f32'],
  body: ([x, weight, out, rows, bytes, epsilon], declare) => {
    const [p, w, end, stop] = [declare('i32'), declare('i32'), declare('i32'), declare('i32')]
    const [squares, v, factor] = [declare('v128'), declare('v128'), declare('v128')]
    return [
      ...stop.set(plus(x!.get, times(rows!.get, bytes!.get))),
      ...loopWhile(
        below(x!.get, stop.get),
        p.set(x!.get),
        squares.set(four(0)),
        each([p], bytes!.get, end, (lanes) => [
          v.set(lanes.counted(lanes.load(p.get))),
          squares.set(add(squares.get, mul(v.get, v.get))),
        ]),
        factor.set(splat(inverseRms(squares, bytes!, epsilon!))),
        w.set(weight!.get),
        each([x!, w, out!], bytes!.get, end, (lanes) => [
          lanes.store(out!.get, mul(mul(lanes.load(x!.get), factor.get), lanes.load(w.get))),
        ]),
      ),
    ]
  },
}

/**
 * Gradient of rmsNorm: (dy, x, weight, dx, dWeight, rows, row bytes, epsilon); dWeight is added to.
 * With k = 1 / sqrt(mean x^2 + epsilon): dx = k (dy w - x k^2 mean(dy w x)), dw = sum over rows of dy x k.
 */
export const rmsNormGrad: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'f32'],
  body: ([dy, x, weight, dx, dWeight, rows, bytes, epsilon], declare) => {
    const [p, q, w, dw, end, stop] = [
      declare('i32'),
      declare('i32'),
      declare('i32'),
      declare('i32'),
      declare('i32'),
      declare('i32'),
    ]
    const [squares, products, v, u, factor, shrink] = [
      declare('v128'),
      declare('v128'),
      declare('v128'),
      declare('v128'),
      declare('v128'),
      declare('v128'),
    ]
    const k = declare('f32')
    return [
      ...stop.set(plus(x!.get, times(rows!.get, bytes!.get))),
      ...loopWhile(
        below(x!.get, stop.get),
        p.set(x!.get),
        q.set(dy!.get),
        w.set(weight!.get),
        squares.set(four(0)),
        products.set(four(0)),
        each([p, q, w], bytes!.get, end, (lanes) => [
          v.set(lanes.counted(lanes.load(p.get))),
          squares.set(add(squares.get, mul(v.get, v.get))),
          products.set(add(products.get, mul(mul(v.get, lanes.load(q.get)), lanes.load(w.get)))),
        ]),
        k.set(inverseRms(squares, bytes!, epsilon!)),
        factor.set(splat(k.get)),
        shrink.set(splat(mulF(divF(sumLanes(products), divF(floatOf(bytes!.get), float(4))), mulF(k.get, k.get)))),
        w.set(weight!.get),
        dw.set(dWeight!.get),
        each([x!, dy!, w, dx!, dw], bytes!.get, end, (lanes) => [
          v.set(lanes.load(x!.get)),
          u.set(lanes.load(dy!.get)),
          lanes.store(dx!.get, mul(factor.get, sub(mul(u.get, lanes.load(w.get)), mul(v.get, shrink.get)))),
          lanes.store(dw.get, add(lanes.load(dw.get), mul(mul(u.get, v.get), factor.get))),
        ]),
      ),
    ]
  },
}

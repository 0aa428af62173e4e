import {
  add,
  addF,
  advance,
  atLeast,
  atMost,
  below,
  divF,
  float,
  floatOf,
  floorTo,
  four,
  int,
  lane,
  load,
  loadFloat,
  loadSplat,
  loopWhile,
  max,
  maxLanes,
  min,
  mul,
  mulF,
  neg,
  plus,
  shuffle,
  splat,
  sqrtF,
  store,
  storeFloat,
  sub,
  sumLanes,
  times,
  type Code,
  type KernelSource,
  type Variable,
} from './assembler.ts'
import { each } from './each.ts'
import { exp, LEAST, sigmoid } from './exp.ts'

/** f of two arrays, element by element: (a, b, out, bytes). f32x4.min and .max keep NaN. */
const pairwise = (f: (a: Code, b: Code) => Code): KernelSource => ({
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: ([a, b, out, bytes], declare) =>
    each([a!, b!, out!], bytes!.get, declare('i32'), (lanes) => [
      lanes.store(out!.get, f(lanes.load(a!.get), lanes.load(b!.get))),
    ]),
})

/** Clamp that keeps NaN: (x, out, bytes, lo, hi). */
const clip: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'f32', 'f32'],
  body: ([x, out, bytes, lo, hi], declare) =>
    each([x!, out!], bytes!.get, declare('i32'), (lanes) => [
      lanes.store(out!.get, atMost(atLeast(lanes.load(x!.get), splat(lo!.get)), splat(hi!.get))),
    ]),
}

/** Rows of equal length copied between two pitches: (from, to, rows, row bytes, from pitch, to pitch), in bytes. */
const copyRows: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body: ([from, to, rows, bytes, fromPitch, toPitch], declare) => {
    const [source, target, end, last] = [declare('i32'), declare('i32'), declare('i32'), declare('i32')]
    return [
      ...last.set(plus(to!.get, times(rows!.get, toPitch!.get))),
      ...loopWhile(
        below(to!.get, last.get),
        source.set(from!.get),
        target.set(to!.get),
        each([source, target], bytes!.get, end, (lanes) => [lanes.store(target.get, lanes.load(source.get))]),
        advance(from!, fromPitch!.get),
        advance(to!, toPitch!.get),
      ),
    ]
  },
}

/** [R, C] -> [C, R]: (from, to, R, C, from pitch, to pitch), pitches in bytes. 4 x 4 blocks in registers, the rims one by one. */
const transpose: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body: ([from, to, rows, columns, pitch, outPitch], declare) => {
    const [row, column, source, target] = [declare('i32'), declare('i32'), declare('i32'), declare('i32')]
    const v = Array.from({ length: 8 }, () => declare('v128'))
    const at = (base: Variable, step: Variable, i: number): Code =>
      i === 0 ? base.get : plus(base.get, times(step.get, int(i)))
    const place = (r: Variable, c: Variable): Code => [
      ...source.set(plus(plus(from!.get, times(r.get, pitch!.get)), times(c.get, int(4)))),
      ...target.set(plus(plus(to!.get, times(c.get, outPitch!.get)), times(r.get, int(4)))),
    ]
    const block: Code = [
      ...place(row, column),
      ...[0, 1, 2, 3].flatMap((i) => v[i]!.set(load(at(source, pitch!, i)))),
      ...v[4]!.set(shuffle(v[0]!.get, v[1]!.get, [0, 4, 1, 5])), // a0 b0 a1 b1
      ...v[5]!.set(shuffle(v[0]!.get, v[1]!.get, [2, 6, 3, 7])),
      ...v[6]!.set(shuffle(v[2]!.get, v[3]!.get, [0, 4, 1, 5])), // c0 d0 c1 d1
      ...v[7]!.set(shuffle(v[2]!.get, v[3]!.get, [2, 6, 3, 7])),
      ...store(at(target, outPitch!, 0), shuffle(v[4]!.get, v[6]!.get, [0, 1, 4, 5])),
      ...store(at(target, outPitch!, 1), shuffle(v[4]!.get, v[6]!.get, [2, 3, 6, 7])),
      ...store(at(target, outPitch!, 2), shuffle(v[5]!.get, v[7]!.get, [0, 1, 4, 5])),
      ...store(at(target, outPitch!, 3), shuffle(v[5]!.get, v[7]!.get, [2, 3, 6, 7])),
    ]
    const single: Code = [...place(row, column), ...storeFloat(target.get, loadFloat(source.get))]
    const over = (variable: Variable, first: Code, last: Code, step: number, body: Code): Code => [
      ...variable.set(first),
      ...loopWhile(below(variable.get, last), body, advance(variable, int(step))),
    ]
    const fullRows = floorTo(rows!.get, 4)
    const fullColumns = floorTo(columns!.get, 4)
    return [
      ...over(row, int(0), fullRows, 4, [...over(column, int(0), fullColumns, 4, block)]),
      ...over(row, int(0), fullRows, 1, over(column, fullColumns, columns!.get, 1, single)),
      ...over(row, fullRows, rows!.get, 1, over(column, int(0), columns!.get, 1, single)),
    ]
  },
}

/** Column sums, added to what is there: (x, out, rows, row bytes), x dense. Sums stay in registers over the rows. */
const sumColumns: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: ([x, out, rows, bytes], declare) => {
    const [source, end, stop] = [declare('i32'), declare('i32'), declare('i32')]
    const total = declare('v128')
    return each([x!, out!], bytes!.get, end, (lanes) => [
      source.set(x!.get),
      stop.set(plus(x!.get, times(rows!.get, bytes!.get))),
      total.set(four(0)),
      loopWhile(
        below(source.get, stop.get),
        total.set(add(total.get, lanes.load(source.get))),
        advance(source, bytes!.get),
      ),
      lanes.store(out!.get, add(lanes.load(out!.get), total.get)),
    ])
  },
}

/** Each row filled with its one number: (x, out, rows, row bytes). */
const fillRows: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: ([x, out, rows, bytes], declare) => {
    const [end, stop] = [declare('i32'), declare('i32')]
    const value = declare('v128')
    return [
      ...stop.set(plus(x!.get, times(rows!.get, int(4)))),
      ...loopWhile(
        below(x!.get, stop.get),
        value.set(loadSplat(x!.get)),
        each([out!], bytes!.get, end, (lanes) => [lanes.store(out!.get, value.get)]),
        advance(x!, int(4)),
      ),
    ]
  },
}

/** 1 / sqrt(sum of squares / width + epsilon), from the sum in a vector's lanes. */
const inverseRms = (squares: Variable, bytes: Variable, epsilon: Variable): Code =>
  divF(float(1), sqrtF(addF(divF(sumLanes(squares), divF(floatOf(bytes.get), float(4))), epsilon.get)))

/** x / sqrt(mean x^2 + epsilon) * weight: (x, weight, out, rows, row bytes, epsilon). */
const rmsNorm: KernelSource = {
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
const rmsNormGrad: KernelSource = {
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

/** silu(gate) * up: (gate, up, out, bytes). */
const swiglu: KernelSource = {
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
const swigluGrad: KernelSource = {
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

/** Gradient of softmax over rows: dx = (dy - sum(dy y)) y: (dy, y, dx, rows, row bytes). */
const softmaxGrad: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32'],
  body: ([dy, y, dx, rows, bytes], declare) => {
    const [p, q, end, stop] = [declare('i32'), declare('i32'), declare('i32'), declare('i32')]
    const total = declare('v128')
    return [
      ...stop.set(plus(y!.get, times(rows!.get, bytes!.get))),
      ...loopWhile(
        below(y!.get, stop.get),
        p.set(y!.get),
        q.set(dy!.get),
        total.set(four(0)),
        each([p, q], bytes!.get, end, (lanes) => [
          total.set(add(total.get, lanes.counted(mul(lanes.load(p.get), lanes.load(q.get))))),
        ]),
        total.set(splat(sumLanes(total))),
        each([y!, dy!, dx!], bytes!.get, end, (lanes) => [
          lanes.store(dx!.get, mul(sub(lanes.load(dy!.get), total.get), lanes.load(y!.get))),
        ]),
      ),
    ]
  },
}

/**
 * What log-softmax and entropy need of each row: (x, stats, rows, row bytes); stats holds max m, sum e^(x-m) and sum e^(x-m) (x-m).
 * Differences below -87.3 count as -87.3: e^-87.3 is 1e-38, and -Infinity adds nothing.
 */
const rowStats: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: ([x, stats, rows, bytes], declare) => {
    const [p, end, stop] = [declare('i32'), declare('i32'), declare('i32')]
    const [largest, total, weighted, t, e, n, r] = Array.from({ length: 7 }, () => declare('v128')) as [
      Variable,
      Variable,
      Variable,
      Variable,
      Variable,
      Variable,
      Variable,
    ]
    return [
      ...stop.set(plus(x!.get, times(rows!.get, bytes!.get))),
      ...loopWhile(
        below(x!.get, stop.get),
        p.set(x!.get),
        largest.set(four(-Infinity)),
        each([p], bytes!.get, end, (lanes) => [largest.set(max(largest.get, lanes.load(p.get)))]),
        largest.set(splat(maxLanes(largest))),
        total.set(four(0)),
        weighted.set(four(0)),
        each([x!], bytes!.get, end, (lanes) => [
          t.set(atLeast(sub(lanes.load(x!.get), largest.get), four(LEAST))),
          e.set(lanes.counted(exp(t.get, n, r))),
          total.set(add(total.get, e.get)),
          weighted.set(add(weighted.get, mul(e.get, t.get))),
        ]),
        storeFloat(stats!.get, lane(largest.get, 0)),
        storeFloat(plus(stats!.get, int(4)), sumLanes(total)),
        storeFloat(plus(stats!.get, int(8)), sumLanes(weighted)),
        advance(stats!, int(12)),
      ),
    ]
  },
}

/** -softmax(x) * dy, row by row: (x, normaliser, dy, dx, rows, row bytes); normaliser is each row's ln sum e^x, dy one number a row. */
const negatedSoftmaxTimes: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body: ([x, normaliser, dy, dx, rows, bytes], declare) => {
    const [end, stop] = [declare('i32'), declare('i32')]
    const [shift, scale, n, r] = [declare('v128'), declare('v128'), declare('v128'), declare('v128')]
    return [
      ...stop.set(plus(x!.get, times(rows!.get, bytes!.get))),
      ...loopWhile(
        below(x!.get, stop.get),
        shift.set(loadSplat(normaliser!.get)),
        scale.set(neg(loadSplat(dy!.get))),
        each([x!, dx!], bytes!.get, end, (lanes) => [
          lanes.store(dx!.get, mul(scale.get, exp(sub(lanes.load(x!.get), shift.get), n, r))),
        ]),
        advance(normaliser!, int(4)),
        advance(dy!, int(4)),
      ),
    ]
  },
}

export const sources = {
  minimum: pairwise(min),
  maximum: pairwise(max),
  clip,
  copyRows,
  transpose,
  sumColumns,
  fillRows,
  rmsNorm,
  rmsNormGrad,
  swiglu,
  swigluGrad,
  softmaxGrad,
  rowStats,
  negatedSoftmaxTimes,
} as const satisfies Readonly<Record<string, KernelSource>>

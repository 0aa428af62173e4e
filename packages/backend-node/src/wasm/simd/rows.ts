import {
  add,
  advance,
  atLeast,
  below,
  four,
  int,
  lane,
  loadSplat,
  loopWhile,
  max,
  maxLanes,
  mul,
  neg,
  plus,
  splat,
  storeFloat,
  sub,
  sumLanes,
  times,
  type KernelSource,
  type Variable,
} from './assembler.ts'
import { each } from './each.ts'
import { exp, LEAST } from './exp.ts'

/** Column sums, added to what is there: (x, out, rows, row bytes), x dense. Sums stay in registers over the rows. */
export const sumColumns: KernelSource = {
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

/** Gradient of softmax over rows: dx = (dy - sum(dy y)) y: (dy, y, dx, rows, row bytes). */
export const softmaxGrad: KernelSource = {
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
export const rowStats: KernelSource = {
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
export const negatedSoftmaxTimes: KernelSource = {
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

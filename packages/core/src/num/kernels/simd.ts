import { advance, below, type Code, int, plus, repeatWhile, times, type Variable, when } from '../../wasm/code.ts'
import type { KernelSource } from '../../wasm/module.ts'
import {
  add,
  addFloat,
  laneSum,
  load,
  loadFloat,
  loadSplat,
  mul,
  store,
  storeFloat,
  sub,
  timesFloat,
  ZERO,
} from './float64.ts'

/*
 * The kernels of `kernels.ts` for WebAssembly: two float64 a vector, four rows a tile, so that one load of the shared vector serves four
 * multiplications. Arguments are byte addresses, byte pitches and byte lengths; counts of rows are counts.
 */

const ROWS = [0, 1, 2, 3] as const
/** Bytes of a number, and of the four numbers that a row of a tile holds and one turn of an inner loop handles. */
const NUMBER = 8
const ROW = 4 * NUMBER
const HALVES = [0, 16] as const

const pointRows = (pointers: ReadonlyArray<Variable>, first: Code, pitch: Variable): Code =>
  pointers.flatMap((pointer, r) => pointer.set(r === 0 ? first : plus(pointers[r - 1]!.get, pitch.get)))

/** (a, v, q, bytes of a vector): tile rows from the top; each first meets the tiles left of the diagonal, then its own on the diagonal. */
const symmetricTimes: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: (parameters, declare) => {
    const [a, v, q, bytes] = parameters as Four
    const [begin, pv, pq] = [declare('i32'), declare('i32'), declare('i32')]
    const factors = ROWS.map(() => declare('v128'))
    const sums = ROWS.map(() => declare('v128'))
    const totals = ROWS.map(() => declare('f64'))
    const [x, y, entry] = [declare('v128'), declare('v128'), declare('v128')]
    const tiles = repeatWhile(
      below(pv.get, plus(v.get, begin.get)),
      ...HALVES.map((half) => [
        ...x.set(load(pv.get, half)),
        ...y.set(load(pq.get, half)),
        ...ROWS.flatMap((r) => [
          ...entry.set(load(a.get, ROW * r + half)),
          ...sums[r]!.set(add(sums[r]!.get, mul(entry.get, x.get))),
          ...y.set(add(y.get, mul(entry.get, factors[r]!.get))),
        ]),
        ...store(pq.get, y.get, half),
      ]),
      advance(a, int(4 * ROW)),
      advance(pv, int(ROW)),
      advance(pq, int(ROW)),
    )
    const at = (r: number, c: number): Code => loadFloat(a.get, ROW * r + NUMBER * c)
    const grow = (total: Variable, entry: Code, index: number): Code =>
      total.set(addFloat(total.get, timesFloat(entry, loadFloat(pv.get, NUMBER * index))))
    const corner = ROWS.flatMap((r) => [
      ...ROWS.slice(0, r).flatMap((c) => [...grow(totals[r]!, at(r, c), c), ...grow(totals[c]!, at(r, c), r)]),
      ...grow(totals[r]!, at(r, r), r),
    ])
    return repeatWhile(
      below(begin.get, bytes.get),
      pv.set(plus(v.get, begin.get)),
      factors.flatMap((factor, r) => factor.set(loadSplat(pv.get, NUMBER * r))),
      sums.flatMap((sum) => sum.set(ZERO)),
      pv.set(v.get),
      pq.set(q.get),
      when(begin.get, tiles),
      totals.flatMap((total, r) => total.set(laneSum(sums[r]!))),
      corner,
      totals.flatMap((total, r) => storeFloat(pq.get, total.get, NUMBER * r)),
      advance(a, int(4 * ROW)),
      advance(begin, int(ROW)),
    )
  },
}

/** (m, pitch, x, y, rows, bytes of a row) */
const timesVector: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body: (parameters, declare) => {
    const [m, pitch, x, y, count, bytes] = parameters as Six
    const rows = ROWS.map(() => declare('i32'))
    const sums = ROWS.map(() => declare('v128'))
    const [px, end, stop, part] = [declare('i32'), declare('i32'), declare('i32'), declare('v128')]
    return [
      ...end.set(plus(x.get, bytes.get)),
      ...stop.set(plus(y.get, times(count.get, int(NUMBER)))),
      ...repeatWhile(
        below(y.get, stop.get),
        pointRows(rows, m.get, pitch),
        sums.flatMap((sum) => sum.set(ZERO)),
        px.set(x.get),
        repeatWhile(
          below(px.get, end.get),
          ...HALVES.map((offset) => [
            ...part.set(load(px.get, offset)),
            ...ROWS.flatMap((r) => sums[r]!.set(add(sums[r]!.get, mul(load(rows[r]!.get, offset), part.get)))),
          ]),
          ...[...rows, px].map((pointer) => advance(pointer, int(ROW))),
        ),
        sums.flatMap((sum, r) => storeFloat(y.get, laneSum(sum), NUMBER * r)),
        advance(y, int(ROW)),
        m.set(plus(m.get, times(pitch.get, int(4)))),
      ),
    ]
  },
}

/** (m, pitch, c, y, rows, bytes of a row) */
const subtractRows: KernelSource = {
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body: (parameters, declare) => {
    const [m, pitch, c, y, count, bytes] = parameters as Six
    const rows = ROWS.map(() => declare('i32'))
    const factors = ROWS.map(() => declare('v128'))
    const [py, end, stop] = [declare('i32'), declare('i32'), declare('i32')]
    const products = (offset: number): Code =>
      ROWS.map((r) => mul(load(rows[r]!.get, offset), factors[r]!.get)).reduce((total, one) => add(total, one))
    return [
      ...end.set(plus(y.get, bytes.get)),
      ...stop.set(plus(c.get, times(count.get, int(NUMBER)))),
      ...repeatWhile(
        below(c.get, stop.get),
        pointRows(rows, m.get, pitch),
        factors.flatMap((factor, r) => factor.set(loadSplat(c.get, NUMBER * r))),
        py.set(y.get),
        repeatWhile(
          below(py.get, end.get),
          ...HALVES.map((offset) => store(py.get, sub(load(py.get, offset), products(offset)), offset)),
          ...[...rows, py].map((pointer) => advance(pointer, int(ROW))),
        ),
        advance(c, int(ROW)),
        m.set(plus(m.get, times(pitch.get, int(4)))),
      ),
    ]
  },
}

/**
 * (c, panel, n, depth): each tile is eight vectors of sums that stay in registers over the whole depth, two rows of the panel a turn.
 * `mate(p)` is the row that row p is multiplied with.
 */
const product = (step: (sum: Code, term: Code) => Code, mate: (p: number) => number): KernelSource => ({
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body: (parameters, declare) => {
    const [c, panel, n, depth] = parameters as Four
    const sums = ROWS.map(() => [declare('v128'), declare('v128')] as const)
    const rights = [declare('v128'), declare('v128')] as const
    const factor = declare('v128')
    const [left, tile, right, end] = [declare('i32'), declare('i32'), declare('i32'), declare('i32')]
    const turn = [0, 1].flatMap((p) => [
      ...rights.flatMap((vector, h) => vector.set(load(right.get, ROW * mate(p) + HALVES[h]!))),
      ...ROWS.flatMap((r) => [
        ...factor.set(loadSplat(left.get, ROW * p + NUMBER * r)),
        ...sums[r]!.flatMap((sum, h) => sum.set(step(sum.get, mul(factor.get, rights[h]!.get)))),
      ]),
    ])
    const eachSum = (visit: (sum: Variable, offset: number) => Code): Code =>
      ROWS.flatMap((r) => sums[r]!.flatMap((sum, h) => visit(sum, ROW * r + HALVES[h]!)))
    return [
      ...n.set(plus(panel.get, times(n.get, times(depth.get, int(NUMBER))))),
      ...depth.set(times(depth.get, int(ROW))),
      ...tile.set(panel.get),
      ...repeatWhile(
        below(tile.get, n.get),
        right.set(panel.get),
        end.set(plus(tile.get, depth.get)),
        repeatWhile(
          below(right.get, end.get),
          left.set(tile.get),
          eachSum((sum, offset) => sum.set(load(c.get, offset))),
          repeatWhile(below(left.get, end.get), turn, advance(left, int(2 * ROW)), advance(right, int(2 * ROW))),
          eachSum((sum, offset) => store(c.get, sum.get, offset)),
          advance(c, int(4 * ROW)),
        ),
        tile.set(end.get),
      ),
    ]
  },
})

const subtractPairs = product(sub, (p) => 1 - p)
const addSquares = product(add, (p) => p)

type Four = readonly [Variable, Variable, Variable, Variable]
type Six = readonly [...Four, Variable, Variable]

export const simdSources = { symmetricTimes, timesVector, subtractRows, subtractPairs, addSquares }

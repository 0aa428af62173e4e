import {
  advance,
  below,
  floorTo,
  int,
  load,
  loadFloat,
  loadSplat,
  loopWhile,
  plus,
  shuffle,
  store,
  storeFloat,
  times,
  type Code,
  type KernelSource,
  type Variable,
} from './assembler.ts'
import { each } from './each.ts'

/** Rows of equal length copied between two pitches: (from, to, rows, row bytes, from pitch, to pitch), in bytes. */
export const copyRows: KernelSource = {
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
export const transpose: KernelSource = {
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

/** Each row filled with its one number: (x, out, rows, row bytes). */
export const fillRows: KernelSource = {
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

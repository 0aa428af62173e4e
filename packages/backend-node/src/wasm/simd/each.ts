import {
  advance,
  and,
  below,
  floorTo,
  int,
  LANE0,
  load,
  loadSplat,
  loopWhile,
  minus,
  plus,
  store,
  storeLane0,
  type Code,
  type Variable,
} from './assembler.ts'

/** How a loop's body touches memory: four numbers at a time, or the last one to three one by one with the same arithmetic. */
export interface Lanes {
  readonly load: (address: Code) => Code
  readonly store: (address: Code, value: Code) => Code
  /** What counts in a sum: all four lanes, or the first. */
  readonly counted: (value: Code) => Code
}

const FOUR: Lanes = { load, store, counted: (value) => value }
const ONE: Lanes = { load: loadSplat, store: storeLane0, counted: (value) => and(value, LANE0) }

/**
 * Walk pointers over `bytes` bytes each, first by 16, then by 4. The pointers end behind their numbers.
 * @param end - a local to hold where the first pointer stops
 */
export const each = (
  pointers: ReadonlyArray<Variable>,
  bytes: Code,
  end: Variable,
  body: (lanes: Lanes) => ReadonlyArray<Code>,
): Code => {
  const first = pointers[0]!
  const walk = (lanes: Lanes, step: number): Code =>
    loopWhile(below(first.get, end.get), ...body(lanes), ...pointers.map((pointer) => advance(pointer, int(step))))
  return [
    ...end.set(plus(first.get, floorTo(bytes, 16))),
    ...walk(FOUR, 16),
    ...end.set(plus(end.get, minus(bytes, floorTo(bytes, 16)))),
    ...walk(ONE, 4),
  ]
}

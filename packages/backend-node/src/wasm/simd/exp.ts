import {
  add,
  addInts,
  div,
  four,
  atLeast,
  atMost,
  mul,
  nearest,
  neg,
  shiftLeft,
  splatInt,
  int,
  sub,
  toInts,
  type Code,
  type Variable,
} from './assembler.ts'

/** Below it e^x is not a normal float32. */
export const LEAST = -87.3

/**
 * e^x of four numbers, x clamped to [-87.3, 88.3]; NaN stays NaN. Relative error at most 1e-7, measured over the whole range.
 * x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 is split in two so that n times its head is exact; e^r by its Taylor polynomial
 * (degree 7: the next term is below 6e-9); 2^n is put together from its bits.
 */
export const exp = (x: Code, n: Variable, r: Variable): Code => {
  const horner = [1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1]
  const polynomial = horner.slice(1).reduce<Code>((p, c) => add(mul(p, r.get), four(c)), four(horner[0]!))
  return [
    ...r.set(atMost(atLeast(x, four(LEAST)), four(88.3))),
    ...n.set(nearest(mul(r.get, four(Math.LOG2E)))),
    ...r.set(sub(sub(r.get, mul(n.get, four(0.693359375))), mul(n.get, four(-2.1219444e-4)))),
    ...mul(polynomial, shiftLeft(addInts(toInts(n.get), splatInt(int(127))), 23)),
  ]
}

/** 1 / (1 + e^-x). */
export const sigmoid = (x: Code, n: Variable, r: Variable): Code => div(four(1), add(four(1), exp(neg(x), n, r)))

import { add, divide, fromRational, isEqual, multiply, pi, power, rational, squareRoot, Unreadable, BudgetExceeded, type Surd } from '../surd.ts' // prettier-ignore
import { add as plus, divide as over, functionValues, magnitude, multiply as times, power as raised, real, undefinedValue, type Complex } from './complex.ts' // prettier-ignore
import { symbolsIn, type Node } from './node.ts'

/** An exact value, where the expression is one of fractions, square roots and pi. @throws Unreadable, BudgetExceeded */
const exactValue = (node: Node): Surd => {
  switch (node.kind) {
    case 'number': {
      const [whole = '', fraction = ''] = node.digits.split('.')
      return fromRational(rational(BigInt((whole === '-' ? '-0' : whole) + fraction), 10n ** BigInt(fraction.length)))
    }
    case 'symbol':
      if (node.name === 'pi') return pi
      throw new Unreadable('a symbol')
    case 'sum':
      return add(exactValue(node.parts[0]), exactValue(node.parts[1]))
    case 'product':
      return multiply(exactValue(node.parts[0]), exactValue(node.parts[1]))
    case 'quotient':
      return divide(exactValue(node.parts[0]), exactValue(node.parts[1]))
    case 'power':
      return power(exactValue(node.parts[0]), exactValue(node.parts[1]))
    case 'call':
      if (node.name === 'sqrt') return squareRoot(exactValue(node.of))
      throw new Unreadable('a function')
  }
}

/** The exact value of an expression, or null where it has none in fractions, square roots and pi, or takes too much work. */
export const surdOf = (node: Node): Surd | null => {
  try {
    return exactValue(node)
  } catch (thrown) {
    if (thrown instanceof Unreadable || thrown instanceof BudgetExceeded) return null
    throw thrown
  }
}

/** The value in double precision where the symbols have these values. */
export const valueAt = (node: Node, symbols: ReadonlyMap<string, Complex>): Complex => {
  switch (node.kind) {
    case 'number':
      return real(Number(node.digits))
    case 'symbol':
      return symbols.get(node.name) ?? undefinedValue
    case 'sum':
      return plus(valueAt(node.parts[0], symbols), valueAt(node.parts[1], symbols))
    case 'product':
      return times(valueAt(node.parts[0], symbols), valueAt(node.parts[1], symbols))
    case 'quotient':
      return over(valueAt(node.parts[0], symbols), valueAt(node.parts[1], symbols))
    case 'power':
      return raised(valueAt(node.parts[0], symbols), valueAt(node.parts[1], symbols))
    case 'call':
      return functionValues[node.name]!(valueAt(node.of, symbols))
  }
}

const constants: ReadonlyArray<readonly [string, Complex]> = [
  ['pi', real(Math.PI)],
  ['oo', undefinedValue],
]

/** Points per comparison, and how many of them must be defined on both sides. */
const POINTS = 12
const LEAST = 4
/** Of the larger value; rounding of some 100 operations stays below 1e-13, a cancellation of three digits included below 1e-10. */
const TOLERANCE = 1e-9

/** The fractional part of n times the golden ratio's powers: points that look random and are the same everywhere. */
const coordinate = (point: number, symbol: number): number => {
  let x = Math.imul(point * 8191 + symbol * 131 + 977, 0x9e3779b1) >>> 0
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b) >>> 0
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
}

/** Values for symbols: a third of the points positive, a third of both signs, a third complex (so that a root of a square is no identity). */
export const samplePoints = (names: Iterable<string>, fixed: Iterable<readonly [string, Complex]> = []) => {
  const free = [...names].sort()
  return Array.from({ length: POINTS }, (_, p): ReadonlyMap<string, Complex> => {
    const drawn = free.map((name, s): readonly [string, Complex] => {
      const u = coordinate(p, 2 * s)
      if (p % 3 === 0) return [name, real(0.2 + 2.6 * u)]
      if (p % 3 === 1) return [name, real(5 * u - 2.5)]
      return [name, [4 * u - 2, 2 * coordinate(p, 2 * s + 1) - 1]]
    })
    return new Map([...drawn, ...constants, ...fixed])
  })
}

const defined = ([a, b]: Complex): boolean => Number.isFinite(a) && Number.isFinite(b)
const near = (a: Complex, b: Complex): boolean =>
  magnitude([a[0] - b[0], a[1] - b[1]]) <= TOLERANCE * Math.max(magnitude(a), magnitude(b), 1e-6)

/** 1 and -1 for the symbol of infinity and its negative, 0 for all else: a value that only overflows is not infinite. */
const infinitySign = (node: Node): -1 | 0 | 1 => {
  if (node.kind === 'symbol') return node.name === 'oo' ? 1 : 0
  if (node.kind !== 'product' || node.parts[0].kind !== 'number' || node.parts[0].digits !== '-1') return 0
  return infinitySign(node.parts[1]) === 1 ? -1 : 0
}

export type Sameness = 'same' | 'different' | 'undecided'

/**
 * Whether two expressions have one value wherever both are defined: exactly in fractions, square roots and pi, else in double precision at 12 points.
 *
 * Of two different polynomials of degree d, one point of the 2^32 of each coordinate tells them apart with probability at least 1 - d / 2^32
 * (Schwartz and Zippel), as long as they differ by more than 1e-9 of their size there; differences below that are not seen.
 * `undecided`: fewer than 4 points are defined on both sides, as with towers of powers.
 */
export const sameValue = (a: Node, b: Node, fixed: ReadonlyArray<readonly [string, Complex]> = []): Sameness => {
  const [p, q] = [infinitySign(a), infinitySign(b)]
  if (p !== 0 || q !== 0) return p === q ? 'same' : 'different'
  const [x, y] = [surdOf(a), surdOf(b)]
  if (x !== null && y !== null) return isEqual(x, y) ? 'same' : 'different'
  const known = new Set([...constants, ...fixed].map(([name]) => name))
  const free = [...symbolsIn(b, symbolsIn(a))].filter((name) => !known.has(name))
  let met = 0
  for (const point of samplePoints(free, fixed)) {
    const [u, v] = [valueAt(a, point), valueAt(b, point)]
    if (!defined(u) || !defined(v)) {
      continue
    }
    if (!near(u, v)) return 'different'
    if (free.length === 0) return 'same'
    met++
  }
  return met >= LEAST ? 'same' : 'undecided'
}

import { surdOf, sameValue, samplePoints, valueAt } from '../algebra/sameValue.ts'
import { asRational } from '../surd.ts'
import { divide, magnitude, type Complex } from '../algebra/complex.ts'
import { difference, minus, numberNode, quotient, symbolNode, symbolsIn, type Node } from '../algebra/node.ts'
import type { Relation, Value } from './read.ts'

/** latex2sympy reads these letters as constants. */
const letters: ReadonlyArray<readonly [string, Complex]> = [
  ['e', [Math.E, 0]],
  ['i', [0, 1]],
]
/** Decimals are compared to so many places (math-verify `float_rounding`). */
const PLACES = 1e6

/** Thrown when values can be neither told apart nor found equal. */
export class Undecided extends Error {
  override readonly name = 'Undecided'
}

const same = (a: Node, b: Node): boolean => {
  const found = sameValue(a, b, letters)
  if (found === 'undecided') throw new Undecided()
  return found === 'same'
}

type Expression = Extract<Value, { kind: 'expression' }>
type Relations = Extract<Value, { kind: 'relations' }>

const constant = (node: Node): number | null => {
  if ([...symbolsIn(node)].some((name) => name !== 'pi' && name !== 'e')) return null
  const [re, im] = valueAt(node, new Map<string, Complex>([['pi', [Math.PI, 0]], ...letters]))
  return Number.isFinite(re) && Math.abs(im) < 1e-12 ? re : null
}
const wholeOf = (node: Node): boolean => {
  const exact = surdOf(node)
  return exact !== null && asRational(exact)?.denominator === 1n
}
const rounded = (x: number): number => Math.round(x * PLACES)

/** 9% is 9 where both are whole; a decimal agrees to six places; all else must be equal. */
const sameExpression = (a: Expression, b: Expression): boolean => {
  if ((a.percent || b.percent) && wholeOf(a.node) && wholeOf(b.node)) return same(a.node, b.node)
  const plain = ({ node, percent }: Expression): Node => (percent ? quotient(node, numberNode('100')) : node)
  const [x, y] = [plain(a), plain(b)]
  if (a.decimal || b.decimal || a.percent || b.percent) {
    const [u, v] = [constant(x), constant(y)]
    if (u !== null && v !== null) return rounded(u) === rounded(v)
  }
  return same(x, y)
}

/** The factor c with a = c b wherever both are defined, else null. */
const factorBetween = (a: Node, b: Node): number | null => {
  const names = [...symbolsIn(b, symbolsIn(a))].filter((name) => !['pi', 'oo', 'e', 'i'].includes(name))
  let factor: Complex | null = null
  let met = 0
  for (const point of samplePoints(names, letters)) {
    const [u, v] = [valueAt(a, point), valueAt(b, point)]
    if (![...u, ...v].every(Number.isFinite) || magnitude(v) < 1e-9) continue
    const ratio = divide(u, v)
    factor ??= ratio
    if (magnitude([ratio[0] - factor[0], ratio[1] - factor[1]]) > 1e-9 * Math.max(1, magnitude(factor))) return null
    met++
  }
  return factor !== null && met >= 4 && Math.abs(factor[1]) < 1e-9 && factor[0] !== 0 ? factor[0] : null
}

const flipped: Readonly<Record<Relation, Relation>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
}

const sameRelations = (a: Relations, b: Relations): boolean => {
  if (a.assigns && b.assigns && a.signs.every((s) => s === '=') && b.signs.every((s) => s === '='))
    return same(a.sides[0]!, b.sides[0]!) && same(a.sides.at(-1)!, b.sides.at(-1)!)
  if (a.signs.length !== b.signs.length) return false
  const each = (left: Relations, right: Relations): boolean =>
    left.signs.every((sign, i) => {
      const factor = factorBetween(
        difference(left.sides[i]!, left.sides[i + 1]!),
        difference(right.sides[i]!, right.sides[i + 1]!),
      )
      if (factor === null) return false
      return sign === (factor > 0 ? right.signs[i] : flipped[right.signs[i]!])
    })
  const turned: Relations = {
    ...b,
    sides: [...b.sides].reverse(),
    signs: [...b.signs].reverse().map((s) => flipped[s]),
  }
  return each(a, b) || each(a, turned)
}

const expressionValue = (node: Node): Expression => ({ kind: 'expression', node, decimal: false, percent: false })
const isSymbol = (node: Node): boolean => node.kind === 'symbol' && node.name !== 'pi' && node.name !== 'oo'
const infinity = symbolNode('oo')
const minusInfinity = minus(infinity)

/** `a < x \le b`, `x > a` and the like as an interval; null for other relations. */
const intervalOf = ({ sides, signs }: Relations): Value | null => {
  const up = signs.every((sign) => sign === '<' || sign === '<=')
  const down = signs.every((sign) => sign === '>' || sign === '>=')
  if (!up && !down) return null
  const [s, g] = up ? [sides, signs] : [[...sides].reverse(), [...signs].reverse()]
  const closed = (sign: Relation | undefined): boolean => sign === '<=' || sign === '>='
  const tuple = (low: Node, high: Node, from: boolean, to: boolean): Value => ({
    kind: 'tuple',
    open: from ? '[' : '(',
    close: to ? ']' : ')',
    parts: [expressionValue(low), expressionValue(high)],
  })
  if (s.length === 3 && isSymbol(s[1]!)) return tuple(s[0]!, s[2]!, closed(g[0]), closed(g[1]))
  if (s.length === 2 && isSymbol(s[0]!)) return tuple(minusInfinity, s[1]!, false, closed(g[0]))
  if (s.length === 2 && isSymbol(s[1]!)) return tuple(s[0]!, infinity, closed(g[0]), false)
  return null
}

const inOrder = (a: ReadonlyArray<Value>, b: ReadonlyArray<Value>): boolean =>
  a.length === b.length && a.every((part, i) => sameAnswer(part, b[i]!))

/** Each part has a partner of its own; equal parts of a set count once. */
const inAnyOrder = (a: ReadonlyArray<Value>, b: ReadonlyArray<Value>): boolean => {
  if (a.length !== b.length) return false
  const left = [...b]
  return a.every((part) => {
    const at = left.findIndex((other) => sameAnswer(part, other))
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
}
const distinct = (parts: ReadonlyArray<Value>): ReadonlyArray<Value> =>
  parts.filter((part, i) => !parts.slice(0, i).some((earlier) => sameAnswer(earlier, part)))

const partsOf = (value: Value): ReadonlyArray<Value> | null =>
  value.kind === 'set' || value.kind === 'list' ? distinct(value.parts.map(withoutName)) : null
/** Inside a list, `x = 1` is 1. */
const withoutName = (value: Value): Value =>
  value.kind === 'relations' && value.assigns && value.signs.every((sign) => sign === '=')
    ? expressionValue(value.sides.at(-1)!)
    : value

/** The letters of a name or of a product of letters: `abc` is read as a times b times c. */
const spelt = (value: Value): string | null => {
  if (value.kind === 'text') return value.text
  if (value.kind !== 'expression') return null
  const letter = (node: Node): string | null => {
    if (node.kind === 'symbol') return node.name
    if (node.kind !== 'product') return null
    const [a, b] = [letter(node.parts[0]), letter(node.parts[1])]
    return a === null || b === null ? null : a + b
  }
  return letter(value.node)?.toLowerCase() ?? null
}

/** A letter of a multiple choice, whose case does not matter; other letters are symbols, whose case does. */
const isChoice = ({ node }: Expression): boolean => node.kind === 'symbol' && /^[A-E]$/.test(node.name)

/**
 * Whether an answer says what the gold one says, by Math-Verify's rules (math-verify@0.9.0 grader.py): decimals to six places, `x = 4` is 4, sets in
 * any order, `1, 2` is the set and, in this order, the pair; inequalities as intervals where the answer is one; equations up to a factor.
 *
 * @throws Undecided, BudgetExceeded
 */
export const sameAnswer = (answer: Value, gold: Value): boolean => {
  if (answer.kind === 'relations' && gold.kind === 'relations') return sameRelations(answer, gold)
  if (answer.kind === 'relations' && gold.kind === 'expression')
    return answer.signs.every((s) => s === '=') && sameAnswer(expressionValue(answer.sides.at(-1)!), gold)
  if (gold.kind === 'relations' && answer.kind === 'expression')
    return gold.assigns && gold.signs.every((s) => s === '=') && sameAnswer(answer, expressionValue(gold.sides.at(-1)!))
  if (gold.kind === 'relations') {
    const interval = intervalOf(gold)
    return interval !== null && sameAnswer(answer, interval)
  }
  if (answer.kind === 'expression' && gold.kind === 'expression' && isChoice(gold)) return spelt(answer) === spelt(gold)
  if (answer.kind === 'expression' && gold.kind === 'expression')
    return (
      (answer.node.kind === 'product' && spelt(answer) !== null && spelt(answer) === spelt(gold)) ||
      sameExpression(answer, gold)
    )
  if (answer.kind === 'tuple' && gold.kind === 'tuple')
    return answer.open === gold.open && answer.close === gold.close && inOrder(answer.parts, gold.parts)
  if (answer.kind === 'matrix' && gold.kind === 'matrix')
    return answer.rows.length === gold.rows.length && answer.rows.every((row, i) => inOrder(row, gold.rows[i]!))
  if (answer.kind === 'union' && gold.kind === 'union') return inAnyOrder(answer.parts, gold.parts)
  const [a, b] = [partsOf(answer), partsOf(gold)]
  if (a !== null && b !== null) return inAnyOrder(a, b)
  if (a !== null && gold.kind === 'tuple' && gold.open === '(') return inOrder(a, gold.parts)
  if (b !== null && answer.kind === 'tuple' && answer.open === '(') return inOrder(answer.parts, b)
  if (a?.length === 1) return sameAnswer(a[0]!, gold)
  if (b?.length === 1) return sameAnswer(answer, b[0]!)
  const [said, wanted] = [spelt(answer), spelt(gold)]
  return said !== null && said !== '' && said === wanted
}

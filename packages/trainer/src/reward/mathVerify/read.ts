import { symbolNode, type Node } from '../algebra/node.ts'
import { parseExpression } from '../algebra/parse.ts'
import { BudgetExceeded, Unreadable } from '../surd.ts'

export type Relation = '=' | '<' | '>' | '<=' | '>=' | '!='

/** An answer as it is compared. */
export type Value =
  | { readonly kind: 'expression'; readonly node: Node; readonly decimal: boolean; readonly percent: boolean }
  | {
      readonly kind: 'relations'
      readonly sides: ReadonlyArray<Node>
      readonly signs: ReadonlyArray<Relation>
      readonly assigns: boolean
    }
  | { readonly kind: 'set' | 'list'; readonly parts: ReadonlyArray<Value> }
  | { readonly kind: 'tuple'; readonly open: string; readonly close: string; readonly parts: ReadonlyArray<Value> }
  | { readonly kind: 'union'; readonly parts: ReadonlyArray<Value> }
  | { readonly kind: 'matrix'; readonly rows: ReadonlyArray<ReadonlyArray<Value>> }
  | { readonly kind: 'text'; readonly text: string }

const steps: ReadonlyArray<readonly [pattern: RegExp, replacement: string]> = [
  [/\\(?:left|right|displaystyle|limits|bigl?|bigr?|Bigl?|Bigr?)(?![a-zA-Z])/g, ''],
  [/\\[!,;:> ]|\\q?quad(?![a-zA-Z])|~|&nbsp;/g, ' '],
  [/\\[dtc]frac(?![a-zA-Z])/g, '\\frac'],
  [/\\(?:mathrm|textbf|textit|mathbf|mathit|operatorname|mbox|textrm) ?\{/g, '\\text{'],
  [/\\text ?\{ ?(?:and|or|,) ?\}|(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])/g, ','],
  [/\^ ?(?:\{ ?\\circ ?\}|\\circ(?![a-zA-Z]))|\\degree(?![a-zA-Z])|°|º|\\\$|\$/g, ''],
  [/\\\(|\\\)|\\\[|\\\]/g, ''],
  [/(?<=\d)(?:\{,\}|,|\\,)(?=\d{3}(?!\d))/g, ''],
  [/\\leqs?lant|\\leq?(?![a-zA-Z])|≤/g, ' ≤ '],
  [/\\geqs?lant|\\geq?(?![a-zA-Z])|≥/g, ' ≥ '],
  [/\\neq?(?![a-zA-Z])|≠/g, ' ≠ '],
  [/\\lt(?![a-zA-Z])/g, '<'],
  [/\\gt(?![a-zA-Z])/g, '>'],
  [/−|–/g, '-'],
  [/\\infty|∞/g, '∞ '],
  [/\\(?:varnothing|emptyset)|∅/g, '∅'],
  [/\\cup(?![a-zA-Z])|∪/g, '∪'],
  [/\\pm(?![a-zA-Z])|±/g, '±'],
  [/\\lbrace|\\\{/g, '⦃'],
  [/\\rbrace|\\\}/g, '⦄'],
  [/\\lvert|\\rvert|\\vert/g, '|'],
  [/\\ /g, ' '],
]

const units = 'degrees?|deg|units?|centimet(?:er|re)s?|millimet(?:er|re)s?|kilomet(?:er|re)s?|met(?:er|re)s?|inch(?:es)?|feet|foot|ft|yards?|miles?|cm|mm|km|kg|seconds?|minutes?|hours?|days?|weeks?|months?|years?|dollars?|cents?|sq|square|cubic|in|m|g|s|h' // prettier-ignore
const trailingUnit = new RegExp(
  `(?<=[\\d)}]) *(?:(?:square|sq|cubic) )?(?:${units.replace(/\|in\|m\|g\|s\|h$/, '')})\\.?(?:\\^\\{?[23]\\}?)?$`,
  'i',
)
const unitText = new RegExp(`(?<=[\\d)}\\s]) *\\\\text ?\\{ ?(?:(?:${units})[ .]*)+\\}(?:\\^\\{?[23]\\}?)?`, 'gi')

/** An answer without what does not change its value. */
const cleaned = (raw: string): string => {
  let out = steps.reduce((old, [pattern, replacement]) => old.replace(pattern, replacement), raw)
  out = out.replace(unitText, ' ').replace(/\s+/g, ' ').trim().replace(/[.,;:]$/, '').trim() // prettier-ignore
  return out.replace(trailingUnit, '').trim()
}

const openers = '([{⦃'
const closersOf = ')]}⦄'

/** Splits where `at` says so, outside brackets; one part when it never does. Bars are no brackets here. */
const splitOutside = (text: string, at: (character: string) => boolean): { parts: string[]; signs: string[] } => {
  const parts: string[] = []
  const signs: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (openers.includes(character)) depth++
    else if (closersOf.includes(character)) depth--
    else if (depth === 0 && at(character)) {
      parts.push(text.slice(start, i))
      signs.push(character)
      start = i + 1
    }
  }
  return { parts: [...parts, text.slice(start)], signs }
}

const signNames: Readonly<Record<string, Relation>> = { '=': '=', '<': '<', '>': '>', '≤': '<=', '≥': '>=', '≠': '!=' }
const textValue = (text: string): Value => ({
  kind: 'text',
  text: text.replace(/\\text ?\{([^{}]*)\}/g, '$1').replace(/[\s\\]+/g, '').replace(/^\((\w)\)$/, '$1').toLowerCase(), // prettier-ignore
})

const expressionOr = (text: string, fallback: () => Value): Value => {
  const percent = /\\?%$/.test(text)
  const source = text.replace(/ ?\\?%$/, '')
  try {
    return { kind: 'expression', node: parseExpression(source), decimal: /^-? ?\d*\.\d+$/.test(source.trim()), percent }
  } catch (thrown) {
    if (thrown instanceof Unreadable) return fallback()
    throw thrown
  }
}

/** Whether a bracket at the start is closed by the last character. */
const enclosed = (text: string): boolean => {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    if (openers.includes(text[i]!)) depth++
    else if (closersOf.includes(text[i]!) && --depth === 0) return i === text.length - 1
  }
  return false
}

/** Only a symbol, which a relation gives its value. */
const isName = (text: string): boolean =>
  /^(?:m? ?\\angle ?[A-Z\d]+|\\?[a-zA-Z]+(?:_(?:\w|\{\w*\}))?(?:\([a-z]\))?|\\text\{[^{}]*\})$/.test(text.trim())

/** Brackets in brackets, and parts of one: more is refused, as parts are compared with one another. */
const maxLevels = 8
const maxParts = 32

const matrix = (text: string, level: number): Value | null => {
  const found = /^\\begin\{[pbvBV]?(?:matrix|array)\}(?:\{[clr|]*\})?(.*)\\end\{[pbvBV]?(?:matrix|array)\}$/s.exec(text)
  if (found === null) return null
  const rows = found[1]!.split(/\\\\(?:\[[^\]]*\])?/).map((row) => row.trim())
  const cells = (row: string): ReadonlyArray<Value> => row.split('&').map((cell) => valueOf(cell.trim(), level))
  return { kind: 'matrix', rows: rows.filter((row) => row !== '').map(cells) }
}

const relations = (text: string): Value | null => {
  const { parts, signs } = splitOutside(text, (c) => c in signNames)
  if (signs.length === 0 || parts.some((part) => part.trim() === '')) return null
  const left = parts[0]!
  const assigns = isName(left)
  const side = (part: string, i: number): Node =>
    i === 0 && assigns ? symbolNode(left.replace(/[\s\\{}]/g, '')) : parseExpression(part)
  try {
    return { kind: 'relations', sides: parts.map(side), signs: signs.map((sign) => signNames[sign]!), assigns }
  } catch (thrown) {
    if (thrown instanceof Unreadable) return textValue(text)
    throw thrown
  }
}

const isComma = (character: string): boolean => character === ',' || character === ';'

/** A set, a tuple or interval, or what stands in braces; null for anything else. */
const bracketed = (text: string, level: number): Value | null => {
  const first = text[0] ?? ''
  if (first === '' || !openers.includes(first) || !enclosed(text)) return null
  const inner = text.slice(1, -1).trim()
  if (first === '{') return valueOf(inner, level)
  const parts = inner === '' ? [] : splitOutside(inner, isComma).parts
  if (first !== '⦃' && parts.length < 2) return null
  const values = parts.map((part) => valueOf(part.trim(), level))
  if (first === '⦃') return { kind: 'set', parts: values }
  return { kind: 'tuple', open: first, close: text.at(-1)!, parts: values }
}

const valueOf = (text: string, before: number): Value => {
  const level = before + 1
  if (level > maxLevels || splitOutside(text, isComma).parts.length > maxParts) throw new BudgetExceeded()
  const whole = matrix(text, level)
  if (whole !== null) return whole
  const each = (parts: ReadonlyArray<string>): ReadonlyArray<Value> =>
    parts.flatMap((part) => (part.trim() === '' ? [] : [valueOf(part.trim(), level)]))
  const unions = splitOutside(text, (c) => c === '∪')
  if (unions.signs.length > 0) return { kind: 'union', parts: each(unions.parts) }
  const list = splitOutside(text, isComma)
  if (list.signs.length > 0) return { kind: 'list', parts: each(list.parts) }
  if (text === '∅') return { kind: 'set', parts: [] }
  const found = relations(text) ?? bracketed(text, level)
  if (found !== null) return found
  if (text.split('±').length === 2)
    return { kind: 'list', parts: each([text.replace('±', '+'), text.replace('±', '-')]) }
  return expressionOr(text, () => textValue(text))
}

/**
 * An answer as Math-Verify reads it: an expression, relations, a set `\{…\}`, a list `1, 2`, a tuple or interval, a union, a matrix, else text.
 * @throws BudgetExceeded when it is nested too deep or has too many parts
 */
export const readValue = (raw: string): Value | null => {
  const text = cleaned(raw)
  return text === '' ? null : valueOf(text, 0)
}

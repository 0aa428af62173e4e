import { BudgetExceeded, Unreadable } from '../surd.ts'
import { call, minus, numberNode, power, product, quotient, sum, symbolNode, type Node } from './node.ts'

/** Deeper nesting is refused, so that the parser cannot run out of stack. */
const maxDepth = 32

const functions: ReadonlySet<string> = new Set(
  ['sqrt', 'sin', 'cos', 'tan', 'cot', 'sec', 'csc', 'arcsin', 'arccos', 'arctan', 'sinh', 'cosh', 'tanh', 'ln', 'log', 'lg', 'exp'], // prettier-ignore
)
const constants: Readonly<Record<string, string>> = { pi: 'pi', π: 'pi', '∞': 'oo', infty: 'oo', inf: 'oo' }
const products: ReadonlySet<string> = new Set(['*', '\\cdot', '\\times', '·', '×', '⋅', '\\ast'])
const quotients: ReadonlySet<string> = new Set(['/', '\\div', '÷'])
const closers: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']', '|': '|' }
const words = [...functions, 'pi', 'inf'].sort((a, b) => b.length - a.length).join('|')
const tokenPattern = new RegExp(`\\d+(?:\\.\\d+)?|\\.\\d+|\\\\[a-zA-Z]+|(?:${words})(?![a-z])|\\s+|.`, 'gu')

/**
 * An expression as people and models write it, in TeX or plain: `+ - * / ^ !`, `\frac`, `\sqrt[n]`, roots, logarithms and trigonometry with or
 * without brackets, products written side by side, mixed numbers `3\frac{1}{2}`, symbols with subscripts. Each letter is a symbol.
 *
 * @throws Unreadable for anything else, BudgetExceeded when it is nested too deep
 */
export const parseExpression = (text: string): Node => {
  const tokens = (text.match(tokenPattern) ?? []).filter((token) => token.trim() !== '')
  let at = 0
  let depth = 0
  /** A `|` closes what it opened: no expression begins with one inside. */
  let bars = 0

  const peek = (): string | undefined => tokens[at]
  const next = (): string => {
    const token = tokens[at++]
    if (token === undefined) throw new Unreadable('an early end')
    return token
  }
  const expect = (wanted: string): void => {
    if (next() !== wanted) throw new Unreadable(`no ${wanted}`)
  }
  const isNumber = (token: string | undefined): boolean => token !== undefined && /^[\d.]/.test(token) && token !== '.'
  const isWhole = (token: string | undefined): boolean => token !== undefined && /^\d+$/.test(token)
  const nameOf = (token: string): string => token.replace(/^\\/, '')
  const isFunction = (token: string | undefined): boolean =>
    token !== undefined && functions.has(nameOf(token)) && token.length > 1

  const inside = (closer: string): Node => {
    if (++depth > maxDepth) throw new BudgetExceeded()
    const value = additive()
    depth--
    expect(closer)
    return value
  }
  const group = (): Node => {
    const opener = next()
    const closer = closers[opener]
    if (closer === undefined) throw new Unreadable('no bracket')
    if (opener !== '|') return inside(closer)
    bars++
    const value = inside(closer)
    bars--
    return call('abs', value)
  }

  /** A group, or one digit or letter as TeX takes it from `\frac12`. */
  const argument = (): Node => {
    const token = peek()
    if (token === '{') return group()
    if (isWhole(token) && token!.length > 1) {
      tokens[at] = token!.slice(1)
      return numberNode(token![0]!)
    }
    if (isNumber(token)) return numberNode(next())
    if (token !== undefined && (/^\p{L}$/u.test(token) || token.startsWith('\\'))) return atom()
    throw new Unreadable('no argument')
  }

  /** What a function without brackets takes: `\sin 2x` is sin(2x), `\ln 2 + 1` is ln(2) + 1. */
  const applied = (): Node => {
    if (peek() === '(' || peek() === '{' || peek() === '[') return group()
    let value = powered()
    while (isNumber(peek()) || /^\p{L}$/u.test(peek() ?? '') || peek() === '\\pi' || peek() === 'pi')
      value = product(value, powered())
    return value
  }

  const functionCall = (token: string): Node => {
    const name = nameOf(token)
    if (name === 'sqrt') {
      if (peek() === '[') {
        const degree = group()
        return power(argument(), quotient(numberNode('1'), degree))
      }
      return call('sqrt', peek() === '(' ? group() : argument())
    }
    let base: Node | undefined
    let exponent: Node | undefined
    while (peek() === '_' || peek() === '^') {
      if (next() === '_') base = argument()
      else exponent = peek() === '-' ? (next(), minus(argument())) : argument()
    }
    const of = applied()
    const inverse = exponent?.kind === 'number' && exponent.digits === '-1' && /^(sin|cos|tan)$/.test(name)
    const value =
      base !== undefined
        ? quotient(call('ln', of), call('ln', base))
        : name === 'lg'
          ? quotient(call('ln', of), call('ln', numberNode('10')))
          : call(inverse ? `arc${name}` : name === 'log' ? 'ln' : name, of)
    return exponent === undefined || inverse ? value : power(value, exponent)
  }

  const atom = (): Node => {
    const token = peek()
    if (token === '(' || token === '{' || token === '[' || (token === '|' && bars === 0)) return group()
    next()
    if (isNumber(token)) return numberNode(token!)
    if (token === '√') return call('sqrt', peek() === '(' ? group() : argument())
    if (isFunction(token)) return functionCall(token!)
    const name = nameOf(token!)
    if (constants[name] !== undefined) return symbolNode(constants[name])
    if (token === '\\frac') {
      const numerator = argument()
      return quotient(numerator, argument())
    }
    if (token === '\\binom') {
      const n = argument()
      const k = argument()
      return quotient(call('factorial', n), product(call('factorial', k), call('factorial', sum(n, minus(k)))))
    }
    if (!/^\p{L}+$/u.test(name)) throw new Unreadable(`"${token}"`)
    if (
      token!.startsWith('\\') &&
      !/^(alpha|beta|gamma|delta|epsilon|theta|lambda|mu|nu|rho|sigma|tau|phi|varphi|psi|omega|Delta|Omega|ell)$/.test(
        name,
      )
    )
      // prettier-ignore
      throw new Unreadable(`"${token}"`)
    if (peek() !== '_') return symbolNode(name)
    at++
    const subscript = peek() === '{' ? tokens.slice(at + 1, tokens.indexOf('}', at)) : [peek() ?? '']
    at += peek() === '{' ? subscript.length + 2 : 1
    return symbolNode(`${name}_${subscript.join('')}`)
  }

  const postfix = (): Node => {
    let value = atom()
    while (peek() === '!' || peek() === '\\%' || peek() === '%')
      value = next() === '!' ? call('factorial', value) : quotient(value, numberNode('100'))
    return value
  }

  const powered = (): Node => {
    const base = postfix()
    if (peek() !== '^') return base
    at++
    if (peek() === '*') throw new Unreadable('a bare star')
    let negative = false
    while (peek() === '-' || peek() === '+') negative = (next() === '-') !== negative
    // TeX takes one digit or letter, or a group; a whole number stays whole, as in plain text.
    const exponent = isNumber(peek()) ? numberNode(next()) : peek() === '(' ? group() : argument()
    return power(base, negative ? minus(exponent) : exponent)
  }

  const signed = (): Node => {
    let negative = false
    while (peek() === '-' || peek() === '+') negative = (next() === '-') !== negative
    const value = powered()
    return negative ? minus(value) : value
  }

  const startsFactor = (token: string | undefined): boolean =>
    token !== undefined &&
    !['+', '-', ')', '}', ']', ',', '=', '<', '>'].includes(token) &&
    (token !== '|' || bars === 0)

  const multiplicative = (): Node => {
    let value = isWhole(peek()) && tokens[at + 1] === '\\frac' ? sum(powered(), powered()) : signed()
    while (startsFactor(peek())) {
      const operator = peek()!
      if (products.has(operator)) {
        at++
        value = product(value, signed())
      } else if (quotients.has(operator)) {
        at++
        value = quotient(value, signed())
      } else value = product(value, powered())
    }
    return value
  }

  const additive = (): Node => {
    let negative = false
    while (peek() === '-' || peek() === '+') negative = (next() === '-') !== negative
    let value = negative ? minus(multiplicative()) : multiplicative()
    while (peek() === '+' || peek() === '-') {
      const subtract = next() === '-'
      const right = multiplicative()
      value = sum(value, subtract ? minus(right) : right)
    }
    return value
  }

  const value = additive()
  if (at < tokens.length) throw new Unreadable(`"${peek()}" at the end`)
  return value
}

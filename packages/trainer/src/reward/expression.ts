import {
  add,
  BudgetExceeded,
  divide,
  fromRational,
  multiply,
  negate,
  pi,
  power,
  rational,
  squareRoot,
  Unreadable,
  type Surd,
} from './surd.ts'

/** Deeper nesting is refused, so that the parser cannot run out of stack. */
const maxDepth = 32

const tokenPattern = /\d+(?:\.\d+)?|\.\d+|\\[a-zA-Z]+|[a-zA-Z]+|[-+*/^(){}[\]]|\s+|./gu
const products: ReadonlySet<string> = new Set(['*', '\\cdot', '\\times', '/', '\\div'])
const closers: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' }

const numberValue = (digits: string): Surd => {
  const [whole = '', fraction = ''] = digits.split('.')
  return fromRational(rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length)))
}

/**
 * The exact value of a number, fraction or simple expression: `+ - * / ^`, brackets, `\frac`, `\sqrt`, `pi`, and products
 * written side by side such as `2\sqrt{3}`; `3\frac{1}{2}` is the mixed number 7/2.
 *
 * @throws Unreadable for anything else, BudgetExceeded when the value is too big or nested too deep
 */
export const expressionValue = (text: string): Surd => {
  const tokens = (text.match(tokenPattern) ?? []).filter((token) => token.trim() !== '')
  let at = 0
  let depth = 0

  const next = (): string => {
    const token = tokens[at++]
    if (token === undefined) throw new Unreadable('an early end')
    return token
  }
  const expect = (wanted: string): void => {
    if (next() !== wanted) throw new Unreadable(`no ${wanted}`)
  }
  const isDigits = (token: string | undefined): token is string => token !== undefined && /^[\d.]/.test(token)
  const isWhole = (token: string | undefined): boolean => token !== undefined && /^\d+$/.test(token)

  /** An argument of \frac or \sqrt: a group, or one digit as TeX takes it from `\frac12`. */
  const argument = (): Surd => {
    const token = tokens[at]
    if (token === '{') return group()
    if (isWhole(token) && token!.length > 1) {
      tokens[at] = token!.slice(1)
      return numberValue(token![0]!)
    }
    if (isDigits(token)) return numberValue(next())
    throw new Unreadable('no argument')
  }

  const group = (): Surd => {
    const closer = closers[next()]
    if (closer === undefined) throw new Unreadable('no bracket')
    if (++depth > maxDepth) throw new BudgetExceeded()
    const value = sum()
    depth--
    expect(closer)
    return value
  }

  const atom = (): Surd => {
    const token = tokens[at]
    if (token === '(' || token === '{' || token === '[') return group()
    next()
    if (isDigits(token)) return numberValue(token)
    if (token === '\\pi' || token === 'pi' || token === 'π') return pi
    if (token === '\\frac') {
      const numerator = argument()
      return divide(numerator, argument())
    }
    if (token === '\\sqrt' || token === 'sqrt' || token === '√') {
      if (tokens[at] === '[') throw new Unreadable('a root that is not square')
      return squareRoot(tokens[at] === '(' ? group() : argument())
    }
    throw new Unreadable(`"${token}"`)
  }

  const factor = (): Surd => {
    const base = atom()
    if (tokens[at] !== '^') return base
    at++
    if (tokens[at] === '-') {
      at++
      return power(base, negate(atom()))
    }
    return power(base, atom())
  }

  const signed = (): Surd => {
    let negative = false
    while (tokens[at] === '-' || tokens[at] === '+') negative = (next() === '-') !== negative
    const value = factor()
    return negative ? negate(value) : value
  }

  const startsFactor = (token: string | undefined): boolean =>
    token !== undefined && token !== '+' && token !== '-' && token !== ')' && token !== '}' && token !== ']'

  const product = (): Surd => {
    const mixed = isWhole(tokens[at]) && tokens[at + 1] === '\\frac'
    // The whole part of a mixed number, its sign included: -3\frac{1}{2} is -7/2.
    let value = mixed ? add(factor(), factor()) : signed()
    while (startsFactor(tokens[at])) {
      const operator = tokens[at]!
      if (!products.has(operator)) {
        value = multiply(value, factor())
        continue
      }
      at++
      const right = signed()
      value = operator === '/' || operator === '\\div' ? divide(value, right) : multiply(value, right)
    }
    return value
  }

  const sum = (): Surd => {
    let negative = false
    while (tokens[at] === '-' || tokens[at] === '+') negative = (next() === '-') !== negative
    let value = negative ? negate(product()) : product()
    while (tokens[at] === '+' || tokens[at] === '-') {
      const minus = next() === '-'
      const right = product()
      value = add(value, minus ? negate(right) : right)
    }
    return value
  }

  const value = sum()
  if (at < tokens.length) throw new Unreadable(`"${tokens[at]}" at the end`)
  return value
}

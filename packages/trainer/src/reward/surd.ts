/** Thrown inside the verifier when an exact value would take too much work; it never leaves `answer.ts`. */
export class BudgetExceeded extends Error {
  override readonly name = 'BudgetExceeded'
}
/** Thrown inside the verifier for an expression outside its arithmetic; it never leaves `answer.ts`. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}

/** A fraction in lowest terms, the denominator positive. */
export interface Rational {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** A sum of rational multiples of sqrt(n) * pi^k, n squarefree; the key is `n,k`, no coefficient is 0. */
export type Surd = ReadonlyMap<string, Rational>

/**
 * Bounds that keep the slowest answer of 300 characters at milliseconds: 400 bits are 120 digits, sqrt(2), sqrt(3) and sqrt(5)
 * span 8 terms, and a squarefree part is found by trial division up to 31,623.
 */
const limit = 1n << 400n
const maxTerms = 8
const maxRadicand = 10n ** 9n
const maxExponent = 32n

const absolute = (a: bigint): bigint => (a < 0n ? -a : a)
const bounded = (a: bigint): bigint => {
  if (absolute(a) > limit) throw new BudgetExceeded()
  return a
}

const gcd = (a: bigint, b: bigint): bigint => {
  let [x, y] = [absolute(a), absolute(b)]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

export const rational = (numerator: bigint, denominator: bigint): Rational => {
  if (denominator === 0n) throw new Unreadable('division by 0')
  const common = gcd(bounded(numerator), bounded(denominator)) || 1n
  const sign = denominator < 0n ? -1n : 1n
  return { numerator: (sign * numerator) / common, denominator: (sign * denominator) / common }
}

const one: Rational = { numerator: 1n, denominator: 1n }

const surd = (terms: Iterable<readonly [string, Rational]>): Surd => {
  const sum = new Map<string, Rational>()
  for (const [key, term] of terms) {
    const old = sum.get(key)
    const next =
      old === undefined
        ? term
        : rational(
            old.numerator * term.denominator + term.numerator * old.denominator,
            old.denominator * term.denominator,
          )
    if (next.numerator === 0n) sum.delete(key)
    else sum.set(key, next)
  }
  if (sum.size > maxTerms) throw new BudgetExceeded()
  return sum
}

export const fromRational = (value: Rational): Surd => surd([['1,0', value]])
export const pi: Surd = new Map([['1,1', one]])

export const add = (a: Surd, b: Surd): Surd => surd([...a, ...b])

export const negate = (a: Surd): Surd =>
  new Map([...a].map(([key, { numerator, denominator }]) => [key, { numerator: -numerator, denominator }]))

const keyOf = (key: string): readonly [radicand: bigint, pis: number] => {
  const [radicand, pis] = key.split(',')
  return [BigInt(radicand!), Number(pis)]
}

export const multiply = (a: Surd, b: Surd): Surd => {
  const terms: Array<readonly [string, Rational]> = []
  for (const [keyA, x] of a) {
    for (const [keyB, y] of b) {
      const [m, i] = keyOf(keyA)
      const [n, j] = keyOf(keyB)
      // sqrt(m) sqrt(n) = g sqrt(mn / g^2), and mn / g^2 is squarefree as m and n are.
      const g = gcd(m, n)
      const product = rational(x.numerator * y.numerator * g, x.denominator * y.denominator)
      terms.push([`${bounded((m / g) * (n / g))},${i + j}`, product])
    }
  }
  return surd(terms)
}

/** 1 / a for a single term: 1 / (q sqrt(n) pi^k) = sqrt(n) pi^-k / (q n). */
const inverse = (a: Surd): Surd => {
  const [first, ...others] = a
  if (first === undefined || others.length > 0) throw new Unreadable('a divisor that is 0 or a sum')
  const [radicand, pis] = keyOf(first[0])
  const { numerator, denominator } = first[1]
  return new Map([[`${radicand},${-pis}`, rational(denominator, numerator * radicand)]])
}

export const divide = (a: Surd, b: Surd): Surd => multiply(a, inverse(b))

/** The value as a fraction, if it is one. */
export const asRational = (a: Surd): Rational | null => {
  if (a.size === 0) return { numerator: 0n, denominator: 1n }
  const plain = a.get('1,0')
  return a.size === 1 && plain !== undefined ? plain : null
}

const integerOf = (a: Surd): bigint | null => {
  const value = asRational(a)
  return value !== null && value.denominator === 1n ? value.numerator : null
}

/** n = square^2 * free with `free` squarefree. */
const squareParts = (n: bigint): { square: bigint; free: bigint } => {
  if (n > maxRadicand) throw new BudgetExceeded()
  let rest = Number(n)
  let square = 1
  let free = 1
  for (let p = 2; p * p <= rest; p++) {
    while (rest % (p * p) === 0) {
      rest /= p * p
      square *= p
    }
    if (rest % p === 0) {
      rest /= p
      free *= p
    }
  }
  return { square: BigInt(square), free: BigInt(free * rest) }
}

/** Square root of a fraction >= 0. */
export const squareRoot = (a: Surd): Surd => {
  const value = asRational(a)
  if (value === null || value.numerator < 0n) throw new Unreadable('a root of a negative number or of a sum')
  if (value.numerator === 0n) return a
  const { square, free } = squareParts(value.numerator * value.denominator)
  return new Map([[`${free},0`, rational(square, value.denominator)]])
}

/** a to a whole power, |power| at most 32; or to 1/2. */
export const power = (a: Surd, exponent: Surd): Surd => {
  const half = asRational(exponent)
  if (half?.numerator === 1n && half.denominator === 2n) return squareRoot(a)
  const whole = integerOf(exponent)
  if (whole === null) throw new Unreadable('a fractional power')
  if (absolute(whole) > maxExponent) throw new BudgetExceeded()
  let result = fromRational(one)
  let square = a
  for (let rest = absolute(whole); rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = multiply(result, square)
    if (rest > 1n) square = multiply(square, square)
  }
  return whole < 0n ? inverse(result) : result
}

export const isEqual = (a: Surd, b: Surd): boolean =>
  a.size === b.size &&
  [...a].every(([key, x]) => {
    const y = b.get(key)
    return y !== undefined && x.numerator === y.numerator && x.denominator === y.denominator
  })

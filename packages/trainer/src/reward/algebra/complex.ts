/** A complex number as its two parts; NaN where a value is not defined. */
export type Complex = readonly [re: number, im: number]

export const undefinedValue: Complex = [NaN, NaN]
export const real = (x: number): Complex => [x, 0]
export const add = ([a, b]: Complex, [c, d]: Complex): Complex => [a + c, b + d]
export const multiply = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c]
export const divide = ([a, b]: Complex, [c, d]: Complex): Complex => {
  const norm = c * c + d * d
  return norm === 0 ? undefinedValue : [(a * c + b * d) / norm, (b * c - a * d) / norm]
}
export const magnitude = ([a, b]: Complex): number => Math.hypot(a, b)
export const exp = ([a, b]: Complex): Complex =>
  b === 0 ? [Math.exp(a), 0] : [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)]
export const ln = (z: Complex): Complex =>
  magnitude(z) === 0 ? undefinedValue : [Math.log(magnitude(z)), Math.atan2(z[1], z[0])]

/** Principal value; whole powers of real numbers are exact to the last bit of `**`. */
export const power = (base: Complex, exponent: Complex): Complex => {
  if (exponent[1] === 0 && base[1] === 0 && (base[0] >= 0 || Number.isInteger(exponent[0])))
    return [base[0] ** exponent[0], 0]
  if (magnitude(base) === 0) return exponent[0] > 0 ? [0, 0] : undefinedValue
  return exp(multiply(exponent, ln(base)))
}

const i: Complex = [0, 1]
const scaled = (z: Complex, by: number): Complex => [z[0] * by, z[1] * by]
const minus = (z: Complex): Complex => scaled(z, -1)
const sine = ([a, b]: Complex): Complex => [Math.sin(a) * Math.cosh(b), Math.cos(a) * Math.sinh(b)]
const cosine = ([a, b]: Complex): Complex => [Math.cos(a) * Math.cosh(b), -Math.sin(a) * Math.sinh(b)]
const squareRoot = (z: Complex): Complex => power(z, [0.5, 0])
/** -i ln(iz + sqrt(1 - z^2)) */
const arcsine = (z: Complex): Complex =>
  minus(multiply(i, ln(add(multiply(i, z), squareRoot(add([1, 0], minus(multiply(z, z))))))))
const arctangent = (z: Complex): Complex =>
  z[1] === 0 ? [Math.atan(z[0]), 0] : divide(ln(divide(add(i, minus(z)), add(i, z))), [0, 2])
const factorial = ([a, b]: Complex): Complex => {
  if (b !== 0 || !Number.isInteger(a) || a < 0 || a > 170) return undefinedValue
  let value = 1
  for (let k = 2; k <= a; k++) value *= k
  return [value, 0]
}

/** The functions of an expression by name. */
export const functionValues: Readonly<Record<string, (z: Complex) => Complex>> = {
  sqrt: squareRoot,
  abs: (z) => [magnitude(z), 0],
  exp,
  ln,
  sin: sine,
  cos: cosine,
  tan: (z) => divide(sine(z), cosine(z)),
  cot: (z) => divide(cosine(z), sine(z)),
  sec: (z) => divide([1, 0], cosine(z)),
  csc: (z) => divide([1, 0], sine(z)),
  sinh: (z) => scaled(add(exp(z), minus(exp(minus(z)))), 0.5),
  cosh: (z) => scaled(add(exp(z), exp(minus(z))), 0.5),
  tanh: (z) => divide(add(exp(z), minus(exp(minus(z)))), add(exp(z), exp(minus(z)))),
  arcsin: arcsine,
  arccos: (z) => add([Math.PI / 2, 0], minus(arcsine(z))),
  arctan: arctangent,
  factorial,
}

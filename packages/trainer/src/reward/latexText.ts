/** TeX's symbols as characters; MathRuler's own spelling where it has one. */
const symbols: Readonly<Record<string, string>> = {
  pi: 'pi', infty: 'inf', cup: 'U', cap: '∩', cdot: '*', times: '*', div: '÷', pm: '±', mp: '∓', le: '≤', leq: '≤', ge: '≥', geq: '≥', neq: '≠',
  alpha: 'α', beta: 'β', gamma: 'γ', delta: 'δ', epsilon: 'ϵ', theta: 'θ', lambda: 'λ', mu: 'μ', nu: 'ν', rho: 'ρ', sigma: 'σ', tau: 'τ', phi: 'ϕ',
  varphi: 'φ', psi: 'ψ', omega: 'ω', Delta: 'Δ', Omega: 'Ω', circ: '∘', angle: '∠', in: '∈', to: '→', approx: '≈', emptyset: '∅', varnothing: '∅',
  ldots: '…', dots: '…', ell: 'ℓ', mid: '|', parallel: '∥', perp: '⊥', cong: '≅', sim: '∼', prime: "'", sin: 'sin', cos: 'cos', tan: 'tan', cot: 'cot',
  sec: 'sec', csc: 'csc', log: 'log', ln: 'ln', exp: 'exp', arcsin: 'arcsin', arccos: 'arccos', arctan: 'arctan', lfloor: '⌊', rfloor: '⌋', square: '□',
} // prettier-ignore

const tokenPattern = /\\[a-zA-Z]+ *|\\[^a-zA-Z]|[{}]|[^\\{}]/gsu

/** Whether a numerator or denominator keeps its meaning beside a slash without brackets. */
const standsAlone = (text: string): boolean =>
  /^-?[\p{L}\d.]*(\(.*\))?$/su.test(text) || /^-?\d*sqrt\([^()]*\)$/.test(text)
const term = (text: string): string => (standsAlone(text) ? text : `(${text})`)

/**
 * TeX as plain text: `\frac{1}{2}` is 1/2 (with a space before, for mixed numbers), `\sqrt{3}` is sqrt(3), symbols are their characters, other commands are
 * left out and their arguments stay. One pass; a brace that is never closed ends at the end.
 *
 * Differs from pylatexenc, which MathRuler uses: a numerator or denominator of several terms keeps its brackets, and a root its degree.
 */
export const latexText = (source: string): string => {
  const tokens = source.match(tokenPattern) ?? []
  let at = 0
  let depth = 0
  const group = (): string => {
    while (tokens[at] === ' ') at++
    const token = tokens[at++]
    if (token === undefined || token === '}') return ''
    if (token !== '{') return token.startsWith('\\') ? command(token) : token
    return until('}')
  }
  const until = (closer: string): string => {
    let out = ''
    // Beyond this only text is taken: nothing so deep is compared by value.
    if (++depth > 64) at = tokens.length
    while (at < tokens.length) {
      const token = tokens[at++]!
      if (token === closer) break
      if (token === '{') out += until('}')
      else out += token.startsWith('\\') ? command(token) : token
    }
    depth--
    return out
  }
  const command = (token: string): string => {
    const name = token.slice(1).trimEnd()
    if (/^[dt]?frac$/.test(name)) {
      const numerator = group()
      return ` ${term(numerator.trim())}/${term(group().trim())}`
    }
    if (name === 'sqrt') {
      if (tokens[at] !== '[') return `sqrt(${group()})`
      at++
      const degree = until(']')
      return `(${group()})^(1/${degree})`
    }
    if (name === ',' || name === ' ' || name === ';' || name === ':' || name === 'quad' || name === 'qquad') return ' '
    if (name === '\\') return '\n'
    if ('{}%$#&_'.includes(name)) return name
    return symbols[name] ?? ''
  }
  return until('').trim()
}

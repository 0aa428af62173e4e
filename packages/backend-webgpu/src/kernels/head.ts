import { at as read } from './program.ts'

/** A head's numbers in registers, as WGSL: vectors of four where its width allows. */
export interface Head {
  readonly width: number
  readonly pieces: ReadonlyArray<number>
  readonly element: 'f32' | 'vec4f'
}

export const headOf = (width: number): Head => {
  const four = width % 4 === 0
  return {
    width,
    pieces: Array.from({ length: four ? width / 4 : width }, (_, i) => i),
    element: four ? 'vec4f' : 'f32',
  }
}

/** A line for each piece. */
export const each = ({ pieces }: Head, line: (piece: number) => string): string => pieces.map(line).join(' ')

export const zero = ({ element }: Head): string => (element === 'vec4f' ? 'vec4<f32>(0.0)' : '0.0')

/** A piece from its numbers. */
export const pieceOf = ({ element }: Head, piece: number, number: (d: number) => string): string =>
  element === 'vec4f' ? `vec4<f32>(${[0, 1, 2, 3].map((i) => number(4 * piece + i)).join(', ')})` : number(piece)

export const dot = (
  { pieces, element }: Head,
  left: (piece: number) => string,
  right: (piece: number) => string,
): string =>
  pieces.map((i) => (element === 'vec4f' ? `dot(${left(i)}, ${right(i)})` : `${left(i)} * ${right(i)}`)).join(' + ')

/** A buffer of heads, its numbers in 16 bits or 32. */
export type Stored = 'half' | 'full'

/** What such a buffer holds. */
export const elementOf = ({ element }: Head, stored: Stored): 'f32' | 'vec4f' | 'half' | 'half4' => {
  if (stored === 'full') return element
  return element === 'vec4f' ? 'half4' : 'half'
}

/** All pieces of a head in a buffer, as `name0`, `name1`, … */
export const load = (
  head: Head,
  name: string,
  { from, at, stored = 'full' }: { readonly from: string; readonly at: string; readonly stored?: Stored },
): string => each(head, (i) => `let ${name}${i} = ${read(elementOf(head, stored), from, `${at} + ${i}u`)};`)

/**
 * Online softmax: meet one key, its score given. Keeps `most`, `weights` and `sum0`, `sum1`, …; the sums are scaled down when a larger score
 * turns up, so that no score need be kept.
 */
export const meet = (head: Head, score: string, value: (piece: number) => string): string => `
    let score = ${score};
    if (score > most) {
      let shrink = exp(most - score);
      most = score;
      weights *= shrink;
      ${each(head, (c) => `sum${c} *= shrink;`)}
    }
    let weight = power(score - most);
    weights += weight;
    ${each(head, (c) => `sum${c} += weight * ${value(c)};`)}`

/** What `meet` keeps, before the first key. */
export const unmet = (head: Head): string => `
  var most = -3e38;
  var weights = 0.0;
  ${each(head, (c) => `var sum${c} = ${zero(head)};`)}`

/** An expression in numbers and symbols. */
export type Node =
  | { readonly kind: 'number'; readonly digits: string }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'sum' | 'product'; readonly parts: readonly [Node, Node] }
  | { readonly kind: 'quotient' | 'power'; readonly parts: readonly [Node, Node] }
  | { readonly kind: 'call'; readonly name: string; readonly of: Node }

export const numberNode = (digits: string): Node => ({ kind: 'number', digits })
export const symbolNode = (name: string): Node => ({ kind: 'symbol', name })
export const sum = (a: Node, b: Node): Node => ({ kind: 'sum', parts: [a, b] })
export const product = (a: Node, b: Node): Node => ({ kind: 'product', parts: [a, b] })
export const quotient = (a: Node, b: Node): Node => ({ kind: 'quotient', parts: [a, b] })
export const power = (a: Node, b: Node): Node => ({ kind: 'power', parts: [a, b] })
export const call = (name: string, of: Node): Node => ({ kind: 'call', name, of })
export const minus = (a: Node): Node =>
  a.kind === 'number' ? numberNode(`-${a.digits}`.replace(/^--/, '')) : product(numberNode('-1'), a)
export const difference = (a: Node, b: Node): Node => sum(a, minus(b))

/** Names of the symbols in an expression. */
export const symbolsIn = (node: Node, found: Set<string> = new Set()): Set<string> => {
  if (node.kind === 'symbol') found.add(node.name)
  else if (node.kind === 'call') symbolsIn(node.of, found)
  else if (node.kind !== 'number') for (const part of node.parts) symbolsIn(part, found)
  return found
}

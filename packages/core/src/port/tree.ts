/** Walks over trees of one backend's tensors; `isTensor` tells a tensor from a container. */
export interface TreeWalks<T> {
  /** Every tensor, in the order of arrays and keys. A tensor that occurs twice is listed twice. */
  readonly leaves: (tree: unknown) => ReadonlyArray<T>
  /** The same tree with each tensor replaced. */
  readonly map: <A>(tree: A, f: (x: T) => T) => A
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> => {
  if (typeof x !== 'object' || x === null) return false
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === Object.prototype || prototype === null
}

/** Arrays and plain records are containers; class instances, functions, typed arrays and numbers are leaves and pass untouched. */
export const treeWalks = <T>(isTensor: (x: unknown) => x is T): TreeWalks<T> => {
  const leaves = (tree: unknown): ReadonlyArray<T> => {
    if (isTensor(tree)) return [tree]
    if (Array.isArray(tree)) return tree.flatMap(leaves)
    return isRecord(tree) ? Object.values(tree).flatMap(leaves) : []
  }
  const replace = (tree: unknown, f: (x: T) => T): unknown => {
    if (isTensor(tree)) return f(tree)
    if (Array.isArray(tree)) return tree.map((child) => replace(child, f))
    if (!isRecord(tree)) return tree
    return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, replace(child, f)]))
  }
  return { leaves, map: <A>(tree: A, f: (x: T) => T) => replace(tree, f) as A }
}

import type { RefTensor } from '../ops/reference.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { Memory } from '../port/backend.ts'
import type { TreeWalks } from '../port/tree.ts'

/** Which tensors are alive: garbage collection made to answer like a device's heap. */
export interface Ledger extends Omit<Memory<RefTensor>, 'bracket'> {
  /** The same operations: they refuse a freed operand and enter their results. */
  readonly watched: (ops: TensorOps<RefTensor>) => TensorOps<RefTensor>
  /** The same tensors under new names, entered as alive. */
  readonly adopted: <A>(tree: A) => A
}

export const createLedger = ({ leaves, map }: TreeWalks<RefTensor>): Ledger => {
  const alive = new Set<RefTensor>()
  /** What each open scope has made, innermost last. */
  const open: Array<Set<RefTensor>> = []

  const enter = (x: RefTensor): void => {
    alive.add(x)
    open.at(-1)?.add(x)
  }
  const adopted = <A>(tree: A): A =>
    map(tree, (x) => {
      const named = { ...x }
      enter(named)
      return named
    })

  const watch =
    <In extends ReadonlyArray<never>, Out>(name: string, operation: (...operands: In) => Out) =>
    (...operands: In): Out => {
      // `fromHost` takes host data, which a ledger has no entry for.
      const freed = name !== 'fromHost' && leaves(operands).some((x) => !alive.has(x))
      if (freed) throw new Error(`${name}: an operand has been freed`)
      return name === 'shape' ? operation(...operands) : adopted(operation(...operands))
    }
  const watchAll = (record: object): object =>
    Object.fromEntries(
      Object.entries(record).map(([name, entry]: [string, unknown]) => [
        name,
        typeof entry === 'function'
          ? watch(name, entry as (...operands: ReadonlyArray<never>) => unknown)
          : watchAll(entry as object),
      ]),
    )

  const scope = <A>(body: () => A): A => {
    const made = new Set<RefTensor>()
    open.push(made)
    let kept: ReadonlyArray<RefTensor> = []
    try {
      const result = body()
      kept = leaves(result)
      return result
    } finally {
      open.pop()
      for (const x of kept) if (made.delete(x)) open.at(-1)?.add(x)
      for (const x of made) alive.delete(x)
    }
  }

  return {
    watched: (ops) => watchAll(ops) as TensorOps<RefTensor>,
    adopted,
    scope,
    free: (tree) => {
      for (const x of leaves(tree)) alive.delete(x)
    },
    liveTensors: () => alive.size,
    bytes: () => [...alive].reduce((total, x) => total + x.data.byteLength, 0),
  }
}

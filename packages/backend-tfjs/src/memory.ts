import { bracketOf, treeWalks, type Memory, type TreeWalks } from '@durian/core'
import type { Tensor, Tf } from './tf.ts'

/** Walks over trees of tfjs tensors. tfjs's own walk (`tidy`) visits every number of a typed array. */
export const tensorWalks = (tf: Tf): TreeWalks<Tensor> => treeWalks((x: unknown): x is Tensor => x instanceof tf.Tensor)

/** Scopes, frees and counts over tfjs's engine. */
export const memory = (tf: Tf): Memory<Tensor> => {
  const walks = tensorWalks(tf)

  const scope = <A>(body: () => A): A => {
    const engine = tf.engine()
    engine.startScope('durian')
    let kept: ReadonlyArray<Tensor> = []
    try {
      const result = body()
      if (result instanceof Promise) {
        throw new Error('memory.scope is synchronous: use memory.bracket for work that awaits')
      }
      kept = walks.leaves(result)
      return result
    } finally {
      engine.endScope([...kept])
    }
  }

  return {
    scope,
    free: (tree) => walks.leaves(tree).forEach((tensor) => tensor.dispose()),
    bracket: bracketOf(walks, (tensor) => tensor.dispose()),
    liveTensors: () => tf.memory().numTensors,
    bytes: () => tf.memory().numBytes,
  }
}

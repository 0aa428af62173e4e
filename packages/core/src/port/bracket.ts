import type { Held, Memory } from './backend.ts'
import type { TreeWalks } from './tree.ts'

/**
 * The `bracket` of a backend's memory, from what every backend has: a walk over trees and a way to free one tensor.
 * Frees what is still held when `use` settles, on success and on failure; the error goes on to the caller.
 */
export const bracketOf =
  <T>({ leaves }: Pick<TreeWalks<T>, 'leaves'>, freeOne: (x: T) => void): Memory<T>['bracket'] =>
  async (use) => {
    const owned = new Set<T>()
    const held: Held<T> = {
      keep: (tree) => {
        for (const x of leaves(tree)) owned.add(x)
        return tree
      },
      release: (tree) => {
        for (const x of leaves(tree)) owned.delete(x)
        return tree
      },
      free: (tree) => {
        for (const x of leaves(tree)) if (owned.delete(x)) freeOne(x)
      },
    }
    try {
      return await use(held)
    } finally {
      for (const x of owned) freeOne(x)
    }
  }

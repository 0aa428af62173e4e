import type { Memory, Tree } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'

/** Run the effect, then free these tensors however it ends. */
export const freeing =
  <T, E, A>(memory: Pick<Memory<T>, 'free'>, tensors: Tree<T>, effect: TE.TaskEither<E, A>): TE.TaskEither<E, A> =>
  async () => {
    try {
      return await effect()
    } finally {
      memory.free(tensors)
    }
  }

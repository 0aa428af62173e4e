import { either as E, type taskEither as TE } from 'fp-ts'

/** Carries a Left through async code up to the `attempt` around it. */
class Stopped<L> {
  readonly left: L
  constructor(left: L) {
    this.left = left
  }
}

/** Take the value out of an effect, or stop the surrounding `attempt` with its error. */
export type Take<L> = <A>(effect: TE.TaskEither<L, A> | E.Either<L, A>) => Promise<A>

/**
 * A TaskEither written as plain async code: `take` runs an effect and yields its value; a Left ends the whole with that Left.
 * Other exceptions are defects and pass through.
 */
export const attempt =
  <L, A>(body: (take: Take<L>) => Promise<A>): TE.TaskEither<L, A> =>
  async () => {
    const take: Take<L> = async (effect) => {
      const result = typeof effect === 'function' ? await effect() : effect
      if (E.isLeft(result)) throw new Stopped(result.left)
      return result.right
    }
    try {
      return E.right(await body(take))
    } catch (thrown) {
      if (thrown instanceof Stopped) return E.left(thrown.left as L)
      throw thrown
    }
  }

import { either as E, type taskEither as TE } from 'fp-ts'
import { sentence, type TrainError } from './errors.ts'

/** The value of an effect, or of what was decoded; a Left is thrown as an Error with its one sentence: for a page or a script. */
export const orThrow = async <A>(
  effect: TE.TaskEither<TrainError, A> | E.Either<TrainError | string, A>,
): Promise<A> => {
  const result = typeof effect === 'function' ? await effect() : effect
  if (E.isRight(result)) return result.right
  throw new Error(typeof result.left === 'string' ? result.left : sentence(result.left))
}

import { either as E } from 'fp-ts'

/** Why TensorFlow could not be set up: one sentence with the mend. */
export class SetupFault extends Error {}

/** First line of whatever was thrown; Node's `fetch` hides the reason in `cause`. */
export const reasonOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown)
  const { cause } = thrown
  const text = cause instanceof Error && cause.message !== '' ? cause.message : thrown.message
  return text.split('\n')[0]!
}

/** The sentence of a `SetupFault`, or of a disk that is full or closed; anything else is ours and goes on. */
export const asEither = async <A>(work: () => Promise<A>): Promise<E.Either<string, A>> => {
  try {
    return E.right(await work())
  } catch (thrown) {
    if (thrown instanceof SetupFault) return E.left(thrown.message)
    const { code, path } = thrown as { readonly code?: unknown; readonly path?: unknown }
    if (code === 'ENOSPC') return E.left('No space left on the disk; free some and run the same command again.')
    if (code === 'EACCES' || code === 'EROFS')
      return E.left(`${String(path)} cannot be written; name another folder with --dir.`)
    throw thrown
  }
}

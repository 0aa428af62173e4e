/** The only door to fp-ts. Core can say where an effect happens (`TaskEither`) and has nothing to make one with. */
export { either as E, readonlyArray as RA } from 'fp-ts'
export { pipe } from 'fp-ts/lib/function.js'
export type { Either } from 'fp-ts/lib/Either.js'
export type { TaskEither } from 'fp-ts/lib/TaskEither.js'

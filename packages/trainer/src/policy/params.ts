import { type Params, ShapeError } from '@durian/core'

/** A weight by its name; its absence is a mistake of the program, since files are checked when they are read. */
export const weight = <T>(params: Params<T>, name: string): T => {
  const found = params[name]
  if (found === undefined) throw new ShapeError(`the policy has no weight '${name}'`)
  return found
}

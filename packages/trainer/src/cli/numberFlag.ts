import { either as E } from 'fp-ts'
import { badInput, type TrainError } from '../errors.ts'

export interface NumberRule {
  readonly kind: 'whole' | 'real'
  readonly least: number
  /** Default none. */
  readonly most?: number
}

/** A flag's text as a number. Left: the sentence that says what the flag takes. */
export const numberFlag = (
  flag: string,
  text: string,
  { kind, least, most = Infinity }: NumberRule,
): E.Either<TrainError, number> => {
  const value = text.trim() === '' ? NaN : Number(text)
  const fits = Number.isFinite(value) && value >= least && value <= most
  if (fits && (kind === 'real' || Number.isSafeInteger(value))) return E.right(value)
  const wanted = kind === 'whole' ? 'a whole number' : 'a number'
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  return E.left(badInput(`--${flag} takes ${wanted} ${range}, not "${text}".`))
}

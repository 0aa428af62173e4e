/** There is no device of the kind that was asked for: why, and what makes one available. */
export class NoDevice extends Error {
  override readonly name = 'NoDevice'
  /** A command or a step, in words; empty when the reason says all. */
  readonly mend: string
  constructor(reason: string, mend = '') {
    super(reason)
    this.mend = mend
  }
}

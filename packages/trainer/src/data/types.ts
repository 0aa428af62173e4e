/** One message of a conversation; its text has one `<image>` where each picture stands. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** One row of a data set, as the rewards see it; bytes are decoded later and once. */
export interface Row {
  /** `file#row-number` when the data has no id column. */
  readonly id: string
  /** Question with one `<image>` per picture; of a conversation, all but its system message. */
  readonly problem: string
  /** What the policy is asked, when that is more than `problem` as one user's message. The last message is the user's. */
  readonly messages?: ReadonlyArray<Message>
  readonly answer: string
  /** Encoded picture files (PNG, JPEG, WebP). */
  readonly images: ReadonlyArray<Uint8Array>
  /** A worked response, for supervised cold starts; absent otherwise. */
  readonly solution?: string
  /** Every other column, e.g. family, steps, noise. */
  readonly extra: Readonly<Record<string, unknown>>
}

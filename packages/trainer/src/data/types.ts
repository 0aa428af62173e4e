/** One row of a data set, as the rewards see it; bytes are decoded later and once. */
export interface Row {
  /** `file#row-number` when the data has no id column. */
  readonly id: string
  /** Question with one `<image>` per picture. */
  readonly problem: string
  readonly answer: string
  /** Encoded picture files (PNG, JPEG, WebP). */
  readonly images: ReadonlyArray<Uint8Array>
  /** A worked response, for supervised cold starts; absent otherwise. */
  readonly solution?: string
  /** Every other column, e.g. family, steps, noise. */
  readonly extra: Readonly<Record<string, unknown>>
}

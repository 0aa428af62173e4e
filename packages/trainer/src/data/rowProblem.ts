/** What is wrong with a row: the end of a sentence that begins with the row, and what mends it. */
export interface RowProblem {
  readonly column: string
  readonly what: string
  readonly mend: string
}

export const rowProblem = (column: string, what: string, mend: string): RowProblem => ({ column, what, mend })

/** `Row 3 of train.parquet has no text in column "problem"; fill it or leave the row out.` */
export const problemSentence = (place: string, { what, mend }: RowProblem): string => `${place} ${what}; ${mend}.`

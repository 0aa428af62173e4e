interface TableOptions {
  /** Where the columns behind the first have their cells: right for numbers, left for words. Default right. */
  readonly align?: 'left' | 'right'
}

/** Columns padded to their widest cell, the first one to the left. The first row is the head. */
export const textTable = (
  rows: ReadonlyArray<ReadonlyArray<string | number>>,
  { align = 'right' }: TableOptions = {},
): string => {
  const cells = rows.map((row) => row.map(String))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          align === 'left' || column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

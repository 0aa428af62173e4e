/** Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. */
export const editDistance = (a: string, b: string): number => {
  const rows = a.length + 1
  const columns = b.length + 1
  const cost = Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  )
  for (let i = 1; i < rows; i++) {
    for (let j = 1; j < columns; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(cost[i - 1]![j]! + 1, cost[i]![j - 1]! + 1, cost[i - 1]![j - 1]! + same)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) best = Math.min(best, cost[i - 2]![j - 2]! + 1)
      cost[i]![j] = best
    }
  }
  return cost[rows - 1]![columns - 1]!
}

/** `" (did you mean 'epsilon'?)"` when a known word is within a third of the given one, else `""`. */
export const didYouMean = (given: string, known: ReadonlyArray<string>): string => {
  const plain = (word: string): string => word.toLowerCase().replaceAll('-', '_')
  let best: string | undefined
  let distance = Math.max(1, Math.floor(given.length / 3)) + 1
  for (const word of known) {
    const d = editDistance(plain(given), plain(word))
    if (d < distance) [best, distance] = [word, d]
  }
  return best === undefined ? '' : ` (did you mean '${best}'?)`
}

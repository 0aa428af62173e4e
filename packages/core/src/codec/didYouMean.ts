/** Least number of inserted, deleted or replaced letters, or swapped neighbours, that turns one word into the other. */
export const editDistance = (a: string, b: string): number => {
  let beforePrevious: ReadonlyArray<number> = []
  let previous: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, replaced)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforePrevious[j - 2]! + 1)
      row.push(best)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[b.length]!
}

/** The known word a misspelt one most likely meant: at most a third of its letters away (one from three letters on), else undefined. */
export const nearest = (word: string, known: ReadonlyArray<string>): string | undefined => {
  let found: string | undefined
  let limit = Math.floor(word.length / 3)
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < limit || (distance === limit && found === undefined)) {
      found = candidate
      limit = distance
    }
  }
  return found
}

/** Where the values of a count lie; quantiles are values that occur (the lower of two). */
export interface Spread {
  readonly count: number
  readonly min: number
  readonly median: number
  readonly p95: number
  readonly max: number
}

/** Counts whole numbers in memory that does not grow with how many there are. */
export const counting = () => {
  const counts = new Map<number, number>()
  return {
    add: (value: number): void => void counts.set(value, (counts.get(value) ?? 0) + 1),
    /** Null when nothing was counted. */
    spread: (): Spread | null => {
      const values = [...counts].sort(([a], [b]) => a - b)
      const count = values.reduce((sum, [, times]) => sum + times, 0)
      if (count === 0) return null
      const at = (share: number): number => {
        let seen = 0
        for (const [value, times] of values) if ((seen += times) >= share * count) return value
        return values.at(-1)![0]
      }
      return { count, min: values[0]![0], median: at(0.5), p95: at(0.95), max: values.at(-1)![0] }
    },
  }
}

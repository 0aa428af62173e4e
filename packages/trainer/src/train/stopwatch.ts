/** Seconds spent in the parts of a step, by name; the same part may be timed several times. */
export interface Stopwatch {
  readonly time: <A>(part: string, work: () => Promise<A>) => Promise<A>
  readonly seconds: () => Readonly<Record<string, number>>
}

/** A clock is passed in (ms), so that nothing but timings depends on it. */
export const stopwatch = (clock: () => number): Stopwatch => {
  const spent = new Map<string, number>()
  return {
    time: async (part, work) => {
      const start = clock()
      try {
        return await work()
      } finally {
        spent.set(part, (spent.get(part) ?? 0) + (clock() - start) / 1000)
      }
    },
    seconds: () => Object.fromEntries(spent),
  }
}

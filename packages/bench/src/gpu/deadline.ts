/** The time a command may take. */
export interface Deadline {
  readonly seconds: number
  /** Milliseconds until then; negative behind it. */
  readonly left: () => number
}

export const deadlineIn = (seconds: number, now: () => number = () => performance.now()): Deadline => {
  const end = now() + 1000 * seconds
  return { seconds, left: () => end - now() }
}

/**
 * Samples of work in turns, first a round that warms up, until there are `rounds` of each or the next round would not end in time.
 * At least one round is measured.
 *
 * @param workers - what is timed, each with a clock of its own: its milliseconds
 */
export const inTurns = async (
  workers: ReadonlyArray<() => Promise<number>>,
  { rounds, deadline }: { readonly rounds: number; readonly deadline: Deadline },
): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const samples = workers.map((): number[] => [])
  let longest = 0
  for (let round = 0; round <= rounds; round++) {
    if (round > 1 && deadline.left() < 1.5 * longest) break
    const left = deadline.left()
    for (const [i, worker] of workers.entries()) {
      const ms = await worker()
      if (round > 0) samples[i]!.push(ms)
    }
    longest = Math.max(round === 0 ? 0 : longest, left - deadline.left())
  }
  return samples
}

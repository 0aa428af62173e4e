/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm a few milliseconds later. */
const SAME_SIGNAL_MS = 500

/**
 * Runs work that can be asked to stop: the first Ctrl-C (or SIGTERM) sets the flag that `interrupted()` reads, the second ends the process
 * at once with exit code 130.
 */
export const watched = async <A>(work: (interrupted: () => boolean) => Promise<A>): Promise<A> => {
  let askedAt: number | null = null
  const stop = (): void => {
    if (askedAt !== null) {
      if (performance.now() - askedAt < SAME_SIGNAL_MS) return
      process.exit(130)
    }
    askedAt = performance.now()
    process.stderr.write('\nStopping after the step in hand; press Ctrl-C again to stop at once without saving.\n')
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    return await work(() => askedAt !== null)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

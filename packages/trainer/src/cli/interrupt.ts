/**
 * Runs work that can be asked to stop: the first Ctrl-C (or SIGTERM) sets the flag that `interrupted()` reads, the second ends the process
 * at once with exit code 130.
 */
export const watched = async <A>(work: (interrupted: () => boolean) => Promise<A>): Promise<A> => {
  let asked = false
  const stop = (): void => {
    if (asked) process.exit(130)
    asked = true
    process.stderr.write('\nStopping after the step in hand; press Ctrl-C again to stop at once without saving.\n')
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    return await work(() => asked)
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

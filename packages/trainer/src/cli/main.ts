#!/usr/bin/env node
import { runProgram } from './program.ts'

const argv = process.argv.slice(2)

/** A defect: not the user's input and not the outside world. */
const defect = (thrown: unknown): void => {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  process.stderr.write(
    argv.includes('--debug') && thrown instanceof Error
      ? `${thrown.stack}\n`
      : `Durian failed in a way it should not: ${message.split('\n')[0]} (--debug shows where).\n`,
  )
  process.exitCode = 1
}

// A reader that has seen enough (`durian advantages | head`) closes the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  defect(error)
})
process.on('unhandledRejection', (thrown) => {
  defect(thrown)
  process.exit(1)
})

try {
  const code = await runProgram(argv)
  if (code !== undefined) process.exitCode = code
} catch (thrown) {
  defect(thrown)
}

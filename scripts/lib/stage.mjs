/** Something a person has to mend; printed as one sentence without a stack trace. */
export class Complaint extends Error {
  constructor(message, code = 1) {
    super(message)
    this.code = code
  }
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`

/**
 * Do one stage of the set-up and say so in one line on stderr: `doing` while it runs (terminals only), `done` with the time after it.
 * stdout stays free for what the command itself prints.
 */
export const stage = async ({ doing, done }, work) => {
  const began = performance.now()
  const live = process.stderr.isTTY
  if (live) process.stderr.write(`${doing} …`)
  try {
    const result = await work()
    process.stderr.write(`${live ? '\r\x1b[K' : ''}${done} (${seconds(performance.now() - began)})\n`)
    return result
  } catch (error) {
    if (live) process.stderr.write('\r\x1b[K')
    throw error
  }
}

/** Run a script's body; a Complaint becomes its sentence and its exit code. */
export const main = async (body) => {
  try {
    process.exitCode = (await body()) ?? 0
  } catch (error) {
    if (!(error instanceof Complaint)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = error.code
  }
}

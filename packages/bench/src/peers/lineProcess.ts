import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A process that answers one line of JSON with one line of JSON, and says what it is in its first. */
export interface LineProcess {
  readonly description: string
  readonly ask: (question: object) => Promise<Readonly<Record<string, unknown>>>
  readonly close: () => void
}

/** Start it. Left out where it does not answer: the reason, in words. */
export const openLineProcess = async (
  command: string,
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
): Promise<LineProcess | { readonly reason: string }> => {
  const child = spawn(command, [...args], { env: { ...process.env, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Uint8Array) => (errors += Buffer.from(chunk).toString()))
  child.stdin.on('error', () => undefined)
  const ended = new Promise<null>((settle) => {
    child.on('error', (error) => {
      errors += error.message
      settle(null)
    })
    child.on('close', () => settle(null))
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Readonly<Record<string, unknown>> | null> => {
    for (;;) {
      const line = await Promise.race([lines.next(), ended])
      if (line === null || line.done === true) return null
      // a library may print lines of its own
      if (line.value.startsWith('{')) return JSON.parse(line.value) as Readonly<Record<string, unknown>>
    }
  }
  const lastError = (): string => errors.trim().split('\n').at(-1) ?? ''
  const first = await next()
  if (first === null) return { reason: `${command} did not start: ${lastError()}` }
  if (typeof first['reason'] === 'string') return { reason: first['reason'] }
  return {
    description: String(first['description']),
    ask: async (question) => {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const answer = await next()
      if (answer === null) throw new Error(`${command} ended in the middle of a benchmark: ${lastError()}`)
      return answer
    },
    close: () => child.stdin.end(),
  }
}

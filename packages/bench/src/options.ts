import { parseArgs } from 'node:util'

export const suiteNames = ['core', 'policy'] as const
export type SuiteName = (typeof suiteNames)[number]
export const backendNames = ['tensorflow', 'wasm'] as const
export type BackendName = (typeof backendNames)[number]

export interface Options {
  readonly suites: ReadonlyArray<SuiteName>
  /** Backends of the policy suite; those that do not load here are named and left out. */
  readonly backends: ReadonlyArray<BackendName>
  readonly rounds: number
  readonly save: boolean
  /** Print the results as JSON instead of a table. */
  readonly json: boolean
}

export const usage = `usage: npm run bench -- [--suite core|policy]… [--backend tensorflow|wasm]… [--rounds 9] [--json] [--save]
  --save writes packages/bench/results/<date>-<device>.json`

/** A wrong flag; the message is one sentence. */
export class UsageError extends Error {}

const chosen = <N extends string>(
  flag: string,
  given: ReadonlyArray<string> | undefined,
  known: ReadonlyArray<N>,
): ReadonlyArray<N> =>
  (given ?? known).map((name) => {
    const match = known.find((one) => one === name)
    if (match === undefined) throw new UsageError(`--${flag} ${name}: there is ${known.join(', ')}`)
    return match
  })

const rounds = (text: string): number => {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`--rounds ${text} is not a positive whole number`)
  return count
}

/** The command line as options. @throws UsageError, with a sentence that names the flag */
export const parseOptions = (args: ReadonlyArray<string>): Options | 'help' => {
  const flags = {
    suite: { type: 'string', multiple: true },
    backend: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '9' },
    save: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const
  const parsed = (() => {
    try {
      return parseArgs({ args: [...args], options: flags }).values
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error))
    }
  })()
  if (parsed.help) return 'help'
  return {
    suites: chosen('suite', parsed.suite, suiteNames),
    backends: chosen('backend', parsed.backend, backendNames),
    rounds: rounds(parsed.rounds),
    save: parsed.save,
    json: parsed.json,
  }
}

import { spawn } from 'node:child_process'
import type { Log } from './log.ts'

export interface RunOptions {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
  readonly log: Log
}

export interface RunResult {
  /** null: it could not be started, or was ended by a signal. */
  readonly code: number | null
  readonly text: string
}

/** Variables with which an npm around us would turn a nested npm towards its own project. */
const npmPlace = /^npm_config_(local_prefix|prefix|global|global_prefix|dry_run|workspace|workspaces)$|^INIT_CWD$/i

export const cleanEnvironment = (env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !npmPlace.test(name)))

/** Run a program; all it says goes to the log and into the result. Never throws. */
export const runLogged = ({ command, args, cwd, env, timeoutMs, log }: RunOptions): Promise<RunResult> =>
  new Promise((resolve) => {
    log.write(`$ ${[command, ...args].join(' ')}`)
    const child = spawn(command, [...args], {
      cwd,
      env: env ?? cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    })
    let text = ''
    const take = (chunk: Buffer): void => void (text += chunk.toString('utf8'))
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const end = (code: number | null): void => {
      if (text.trim() !== '') log.write(text.trimEnd())
      log.write(`exit code ${code}`)
      resolve({ code, text })
    }
    child.once('error', (error) => {
      text += error.message
      end(null)
    })
    child.once('close', end)
  })

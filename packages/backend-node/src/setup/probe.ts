import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { EngineStatus } from '../nodeBackends.ts'

/** More than the slowest start seen: 3 s for TensorFlow's library from a cold disk. */
const PATIENCE_MS = 120_000

/** Compiled even when this file runs from its source: a process of its own has no test runner to compile for it. */
const script = fileURLToPath(new URL('./probeMain.js', import.meta.url)).replace(
  /([/\\])src([/\\]setup[/\\])/,
  '$1dist$2',
)

export interface ProbeOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Threads that wasm is tried with. */
  readonly wasmThreads?: number
}

/**
 * Try one engine, with its self-test, in a process of its own: it can crash there, it leaves nothing loaded here, and two copies of
 * libtensorflow never meet. Never fails: what goes wrong is the answer's reason.
 */
export const probeEngine = (
  name: string,
  { env = process.env, wasmThreads = 1 }: ProbeOptions = {},
): Promise<EngineStatus> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [script, name, `${wasmThreads}`], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE_MS,
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => void (err += chunk.toString('utf8')))
    const failed = (reason: string): void => resolve({ name, available: false, reason, mend: '' })
    child.once('error', (error) => failed(error.message))
    child.once('close', (code, signal) => {
      const answer = out.split('\n').find((line) => line.startsWith('{"name":'))
      if (answer !== undefined) return resolve(JSON.parse(answer) as EngineStatus)
      const last = err.trim().split('\n').at(-1) ?? ''
      failed(`its process ended with ${signal ?? `exit code ${code}`}${last === '' ? '' : ` (${last})`}`)
    })
  })

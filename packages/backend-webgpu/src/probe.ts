import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { WebGpuStatus } from './withWebGpuBackend.ts'

/** A driver that compiles its first shaders has taken 20 s. */
const PATIENCE_MS = 120_000

/** Compiled even when this file runs from its source: a process of its own has no test runner to compile for it. */
const script = fileURLToPath(new URL('./probeMain.js', import.meta.url)).replace(/([/\\])src([/\\])/, '$1dist$2')

/**
 * Try WebGPU, with its self-test, in a process of its own: a driver can crash there and leaves nothing loaded here. Never fails: what goes
 * wrong is the answer's reason.
 */
export const probeWebGpu = (env: NodeJS.ProcessEnv = process.env): Promise<WebGpuStatus> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'ignore'], timeout: PATIENCE_MS })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString('utf8')))
    const failed = (reason: string): void => resolve({ available: false, reason, mend: '' })
    child.once('error', (error) => failed(error.message))
    child.once('close', (code, signal) => {
      const answer = out.split('\n').find((line) => line.startsWith('{"available":'))
      if (answer !== undefined) resolve(JSON.parse(answer) as WebGpuStatus)
      else failed(`its process ended with ${signal ?? `exit code ${code}`}: the graphics driver may be broken`)
    })
  })

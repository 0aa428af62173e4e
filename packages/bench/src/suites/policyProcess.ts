import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Result } from '../harness.ts'
import type { BackendName } from '../options.ts'

/** What the process of one backend prints: its results, or why it could not start. */
export type PolicyAnswer =
  | { readonly ok: true; readonly description: string; readonly results: ReadonlyArray<Result> }
  | { readonly ok: false; readonly reason: string }

const program = fileURLToPath(new URL('./policyMain.js', import.meta.url))

/** The policy suite on one backend, in a process of its own: tfjs allows one backend a process. */
export const measurePolicy = (backend: BackendName, rounds: number): Promise<PolicyAnswer> =>
  new Promise((settle, fail) => {
    const child = spawn(process.execPath, [program, backend, String(rounds)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const chunks: Uint8Array[] = []
    child.stdout.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    child.on('error', fail)
    child.on('close', (code) => {
      const text = Buffer.concat(chunks).toString('utf8')
      const last = text.trim().split('\n').at(-1) ?? ''
      if (code === 0 && last.startsWith('{')) settle(JSON.parse(last) as PolicyAnswer)
      else fail(new Error(`the benchmark of backend ${backend} ended with exit code ${code}`))
    })
  })

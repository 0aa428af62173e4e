import { openNodeBackend } from '@durian/backend-node'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import type { BackendName } from '../options.ts'
import { timedCases } from '../timedCases.ts'
import { policyCases } from './policy.ts'
import type { PolicyAnswer } from './policyProcess.ts'

/** `node policyMain.js BACKEND ROUNDS`: one line of JSON on stdout, a `PolicyAnswer`. */
const answer = async (prefer: BackendName, rounds: number): Promise<PolicyAnswer> => {
  const opened = await openNodeBackend({ prefer })()
  if (E.isLeft(opened)) return { ok: false, reason: sentence(opened.left) }
  const { backend } = opened.right
  const cases = await policyCases(backend)()
  if (E.isLeft(cases)) throw new Error(sentence(cases.left))
  // A run takes about a second: one run a sample is long enough for the clock.
  const results = await timedCases(cases.right, { rounds, sampleMs: 1 })
  return { ok: true, description: backend.info.description, results }
}

const [, , backend, rounds] = process.argv
process.stdout.write(`${JSON.stringify(await answer(backend as BackendName, Number(rounds)))}\n`)

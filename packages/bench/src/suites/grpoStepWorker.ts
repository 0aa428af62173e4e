import { createInterface } from 'node:readline'
import { openNodeBackend } from '@durian/backend-node'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import type { BackendName } from '../options.ts'
import { grpoStep } from './grpoStep.ts'

/** The shapes of `peers/trl_grpo.py`. */
const sizes = { prompts: 32, rollouts: 8, length: 30, pixels: 112 }

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`)

/** `node grpoStepWorker.js BACKEND`: each line asks for one GRPO step, answered with its milliseconds on the clock and of the processor. */
const serve = async (): Promise<void> => {
  const opened = await openNodeBackend({ prefer: process.argv[2] as BackendName, threads: 1 })()
  if (E.isLeft(opened)) return say({ reason: sentence(opened.left) })
  const { backend } = opened.right
  const step = await grpoStep(backend, sizes)()
  if (E.isLeft(step)) throw new Error(sentence(step.left))
  say({ description: backend.info.description })
  for await (const _ of createInterface({ input: process.stdin })) {
    const [wall, cpu] = [performance.now(), process.cpuUsage()]
    const counts = await step.right()
    const used = process.cpuUsage(cpu)
    say({ ms: performance.now() - wall, cpu: (used.user + used.system) / 1000, ...counts })
  }
}

await serve()

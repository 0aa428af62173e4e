import { parseArgs } from 'node:util'
import { openWebGpuBackend } from '@durian/backend-webgpu'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import { environment } from './environment.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'
import { precisionCases } from './suites/precision.ts'
import { table } from './table.ts'
import { timedCases } from './timedCases.ts'

/**
 * `node dist/precisionMain.js [--rounds 5] [--prompts 2] [--rollouts 4] [--length 16] [--save]`: mixed precision beside float32.
 * DURIAN_WEBGPU_ADAPTER=software takes a device that computes on the processor.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    prompts: { type: 'string', default: '2' },
    rollouts: { type: 'string', default: '4' },
    length: { type: 'string', default: '16' },
    save: { type: 'boolean', default: false },
  },
})
const opened = await openWebGpuBackend()()
if (E.isLeft(opened)) {
  process.stderr.write(`${sentence(opened.left)}\n`)
  process.exit(1)
}
const sizes = { prompts: Number(values.prompts), rollouts: Number(values.rollouts), length: Number(values.length) }
const made = await precisionCases(opened.right, sizes)()
if (E.isLeft(made)) {
  process.stderr.write(`${sentence(made.left)}\n`)
  process.exit(1)
}
const { cases, facts } = made.right
for (const fact of facts) process.stdout.write(`${JSON.stringify(fact)}\n`)
const results = await timedCases(cases, { rounds: Number(values.rounds), sampleMs: 1 })
process.stdout.write(`${table(results)}\n`)
if (values.save) {
  const { description } = opened.right.backend.info
  const date = new Date().toISOString()
  const report = { schema: 1, date, environment: environment(), backends: { webgpu: description }, facts, results }
  const device = opened.right.facts.device.replace(/\(.*$/, '')
  saveReport(`precision-${slug(device)}`, report)
}
// Dawn's threads would keep the process
process.exit(0)

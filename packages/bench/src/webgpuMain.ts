import { parseArgs } from 'node:util'
import { openWebGpuBackend } from '@durian/backend-webgpu'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import { environment } from './environment.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'
import { webgpuCases } from './suites/webgpu.ts'
import { table } from './table.ts'
import { timedCases } from './timedCases.ts'

/**
 * `node dist/webgpuMain.js [--rounds 5] [--prompts 2] [--rollouts 4] [--length 16] [--save]`: our WebGPU kernels beside tfjs's own.
 * The device is chosen as everywhere: DURIAN_WEBGPU_ADAPTER=software takes one that computes on the processor.
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
const made = await webgpuCases(opened.right, sizes)()
if (E.isLeft(made)) {
  process.stderr.write(`${sentence(made.left)}\n`)
  process.exit(1)
}
const { cases, counts } = made.right
for (const { work, by, dispatches } of counts) process.stdout.write(`${work}, ${by}: ${dispatches} dispatches\n`)
const results = await timedCases(cases, { rounds: Number(values.rounds), sampleMs: 1 })
process.stdout.write(`${table(results)}\n`)
if (values.save) {
  const { description } = opened.right.backend.info
  const report = {
    schema: 1,
    date: new Date().toISOString(),
    environment: environment(),
    backends: { webgpu: description },
    dispatches: counts,
    results,
  }
  const device = opened.right.facts.device.replace(/\(.*$/, '')
  saveReport(`webgpu-${slug(device)}`, report)
}
// Dawn's threads would keep the process
process.exit(0)

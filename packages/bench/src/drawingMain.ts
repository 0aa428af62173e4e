import { parseArgs } from 'node:util'
import { openWebGpuBackend } from '@durian/backend-webgpu'
import { sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import { environment } from './environment.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'
import { drawDistances } from './suites/drawDistance.ts'
import { drawingCases } from './suites/drawing.ts'
import { table } from './table.ts'
import { timedCases } from './timedCases.ts'

/**
 * `node dist/drawingMain.js [--rounds 5] [--rollouts 8,64] [--words 144,32000] [--save]`: tokens drawn on the device beside tokens drawn on the host.
 * DURIAN_WEBGPU_ADAPTER=software takes a device that computes on the processor.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    rollouts: { type: 'string', default: '8,64' },
    words: { type: 'string', default: '144,32000' },
    save: { type: 'boolean', default: false },
  },
})
const opened = await openWebGpuBackend()()
if (E.isLeft(opened)) {
  process.stderr.write(`${sentence(opened.left)}\n`)
  process.exit(1)
}
const numbers = (list: string): ReadonlyArray<number> => list.split(',').map(Number)
const sizes = { rollouts: numbers(values.rollouts), words: numbers(values.words) }
const { cases, costs } = await drawingCases(opened.right, sizes)
for (const { work, by, dispatches, bytesRead } of costs)
  process.stdout.write(`${work}, drawn on the ${by}: ${dispatches} dispatches, ${bytesRead} bytes read\n`)
const results = await timedCases(cases, { rounds: Number(values.rounds), sampleMs: 1 })
process.stdout.write(`${table(results)}\n`)
// last: it changes the kernels
const distances = await drawDistances(opened.right)
for (const { kernels, words, spread, draws, different, distance, logprob } of distances)
  process.stdout.write(
    `${kernels}, ${draws} draws from ${words} words, spread ${spread}: ${different} differ from float64, u at most ${distance.toExponential(1)} away, log-probs ${logprob.toExponential(1)}\n`,
  )
if (values.save) {
  const { description } = opened.right.backend.info
  const date = new Date().toISOString()
  const report = {
    schema: 1,
    date,
    environment: environment(),
    backends: { webgpu: description },
    costs,
    distances,
    results,
  }
  const device = opened.right.facts.device.replace(/\(.*$/, '')
  saveReport(`drawing-${slug(device)}`, report)
}
// Dawn's threads would keep the process
process.exit(0)

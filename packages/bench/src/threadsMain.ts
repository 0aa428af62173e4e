import { parseArgs } from 'node:util'
import { environment } from './environment.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'
import { wasmThreads } from './suites/wasmThreads.ts'

/** `node dist/threadsMain.js [--threads 1,2] [--rounds 5] [--save]`: WASM with several numbers of threads, on a quiet machine and beside a busy process. */
const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    save: { type: 'boolean', default: false },
  },
})
const compared = await wasmThreads({ counts: values.threads.split(',').map(Number), rounds: Number(values.rounds) })
const report = { schema: 1, date: new Date().toISOString(), environment: environment(), ...compared }
for (const { neighbour, model, work, measured } of compared.comparisons) {
  process.stdout.write(`${model}; ${work}; beside ${neighbour}\n`)
  for (const { threads, wall, processor, ratio } of measured)
    process.stdout.write(
      `  ${threads} threads: min ${wall.min.toFixed(0)} ms (${ratio.min.toFixed(2)}x), median ${wall.median.toFixed(0)} ms (${ratio.median.toFixed(2)}x), ` +
        `processor ${processor.min.toFixed(0)} ms\n`,
    )
}
if (values.save) {
  saveReport(`wasm-threads-${slug(report.environment.cpu)}`, report)
}

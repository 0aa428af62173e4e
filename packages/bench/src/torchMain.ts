import { parseArgs } from 'node:util'
import { environment } from './environment.ts'
import { peerPython } from './peers/peerPython.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'
import { besideTorch } from './suites/besideTorch.ts'

/**
 * `node dist/torchMain.js [--rounds 7] [--save]`: Durian beside PyTorch, one thread each.
 * DURIAN_PEER_PYTHON names a Python with torch and NumPy; without it a virtual environment is made. Where that fails PyTorch is left out, with the reason.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, save: { type: 'boolean', default: false } },
})
const compared = await besideTorch(
  peerPython((line) => void process.stderr.write(`${line}\n`)),
  Number(values.rounds),
)
const report = { schema: 1, date: new Date().toISOString(), environment: environment(), ...compared }
for (const [name, reason] of Object.entries(compared.leftOut)) process.stderr.write(`${name} is left out: ${reason}\n`)
for (const { model, work, tokens, measured } of compared.comparisons) {
  process.stdout.write(`${model}; ${work}\n`)
  for (const { by, wall, processor, ratio } of measured)
    process.stdout.write(
      `  ${by.padEnd(11)} min ${wall.min.toFixed(1).padStart(8)} ms, median ${wall.median.toFixed(1).padStart(8)} ms, ` +
        `processor ${processor.min.toFixed(1).padStart(8)} ms, ${((tokens / wall.min) * 1000).toFixed(0).padStart(7)} tokens/s` +
        `${ratio === undefined ? '' : `, ${ratio.wall.toFixed(2)}x (processor ${ratio.processor.toFixed(2)}x)`}\n`,
    )
}
if (values.save) {
  saveReport(`beside-torch-${slug(report.environment.cpu)}`, report)
}

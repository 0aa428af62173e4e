import { webGpuStatus } from './index.ts'

// one line of JSON on stdout; `probe.ts` reads it
process.stdout.write(`\n${JSON.stringify(await webGpuStatus())}\n`, () => process.exit(0))

import { engineStatus } from '../nodeBackends.ts'

// One engine, one line of JSON on stdout; `probe.ts` reads it.
const status = await engineStatus(process.argv[2] ?? '', { wasmThreads: Number(process.argv[3] ?? 1) })
process.stdout.write(`\n${JSON.stringify(status)}\n`, () => process.exit(0))

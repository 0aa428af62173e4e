import { describeOnWasmThreads } from './testing.ts'

await describeOnWasmThreads(2)

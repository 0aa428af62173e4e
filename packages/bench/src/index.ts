export { timed, type Case, type HarnessOptions, type Result, type Subject, type Timing } from './harness.ts'
export { environment, type Environment } from './environment.ts'
export { reportName, saveReport, type Report } from './report.ts'
export { table } from './table.ts'

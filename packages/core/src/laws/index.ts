export { expectClose } from './close.ts'
export { withGaps } from './gaps.ts'
export type { Law, Subject, Tolerance } from './law.ts'

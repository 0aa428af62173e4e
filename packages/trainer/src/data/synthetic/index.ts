export { syntheticSample } from './sample.ts'
export { syntheticColumns, syntheticRow } from './rows.ts'
export { families, type Family, type SampleAddress, type SyntheticOptions, type SyntheticSample } from './types.ts'

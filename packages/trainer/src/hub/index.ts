export { modelDirectory, type ModelDirectoryHooks } from './modelDirectory.ts'
export { hubSettings, type HubSettings } from './settings.ts'

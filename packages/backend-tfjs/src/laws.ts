export { bindingLaws } from './binding/laws.ts'

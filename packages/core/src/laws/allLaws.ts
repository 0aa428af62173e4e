import { drawLaws } from './drawLaws.ts'
import { fusedLaws } from './fusedLaws.ts'
import { gradientLaws } from './gradientLaws.ts'
import { kvCacheLaws } from './kvCacheLaws.ts'
import type { Law, Subject } from './law.ts'
import { memoryLaws } from './memoryLaws.ts'
import { silentFaultLaws } from './silentFaultLaws.ts'
import { tensorOpsLaws } from './tensorOpsLaws.ts'

/** Everything a backend must make true. Names are unique: a gap names exactly one law. */
export const allLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> => [
  ...tensorOpsLaws(subject),
  ...gradientLaws(subject),
  ...memoryLaws(subject),
  ...fusedLaws(subject),
  ...drawLaws(subject),
  ...kvCacheLaws(subject),
  ...silentFaultLaws(subject),
]

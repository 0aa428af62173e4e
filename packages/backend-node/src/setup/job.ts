import type { Variant } from './folder.ts'
import type { Log } from './log.ts'

export interface SetupOptions {
  readonly variant: Variant
  /** TensorFlow's version; null: the official binary where its host answers, else the version of the recipe. */
  readonly version: string | null
  /** Instead of the user's data folder. */
  readonly dir: string | null
  /** A wheel that is already here, instead of the package index. */
  readonly wheel: string | null
  readonly onStage?: (text: string) => void
  readonly onBytes?: (file: string, done: number, total: number | null) => void
}

/** Everything a stage of the work needs to know. */
export interface Job {
  readonly options: SetupOptions
  readonly home: string
  /** The unfinished installation. */
  readonly folder: string
  readonly log: Log
  readonly say: (text: string) => void
}

import type { OpenedWebGpu } from '@durian/backend-webgpu'
import type { Deadline } from './deadline.ts'
import type { GpuOptions } from './options.ts'
import type { ResultFile } from './report.ts'

/** What a command works with. It says what it finds and puts it into the file at once; what it throws ends the command with a sentence. */
export interface Run {
  readonly options: GpuOptions
  readonly opened: OpenedWebGpu
  /** The demo's model. */
  readonly demoFolder: string
  readonly deadline: Deadline
  readonly result: ResultFile
  readonly say: (line: string) => void
}

/** Whether what it looked at was as it should be. */
export type Command = (run: Run) => Promise<boolean>

/** A command had not the time for all of it. */
export class OutOfTime extends Error {}

/** What a command says when a run cannot go on: a sentence, no stack. */
export class CannotRun extends Error {}

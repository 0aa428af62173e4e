import { parseArgs } from 'node:util'
import { type BackendName, backendNames, UsageError } from '../options.ts'

export interface ProfileOptions {
  readonly backend: BackendName
  /** Kernels shown of each piece of work; all are saved. */
  readonly top: number
  readonly save: boolean
}

export const profileUsage = `usage: npm run bench -- profile [--backend tensorflow|wasm] [--top 12] [--save]
  where the time of a training step and of a sampled token goes, by kernel; one thread`

/** @throws UsageError, with a sentence that names the flag */
export const parseProfileOptions = (args: ReadonlyArray<string>): ProfileOptions => {
  const flags = {
    backend: { type: 'string', default: 'tensorflow' },
    top: { type: 'string', default: '12' },
    save: { type: 'boolean', default: false },
  } as const
  const values = (() => {
    try {
      return parseArgs({ args: [...args], options: flags }).values
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error))
    }
  })()
  const backend = backendNames.find((name) => name === values.backend)
  if (backend === undefined) throw new UsageError(`--backend ${values.backend}: there is ${backendNames.join(', ')}`)
  const top = Number(values.top)
  if (!Number.isInteger(top) || top < 1) throw new UsageError(`--top ${values.top} is not a positive whole number`)
  return { backend, top, save: values.save }
}

import { parseArgs } from 'node:util'
import { UsageError } from '../options.ts'
import { ARCHIVE } from './layout.ts'
import { CannotMake, makeArchive } from './make.ts'

export const archiveUsage = `usage: npm run bench -- archive [--out ${ARCHIVE}.tar.xz]
  everything that measures a GPU on a machine without network, in one file (docs/gpu.md)`

/** `npm run bench -- archive`. @throws UsageError, with a sentence that names the flag */
export const runArchive = async (args: ReadonlyArray<string>, say: (line: string) => void): Promise<number> => {
  const { out } = (() => {
    try {
      return parseArgs({ args: [...args], options: { out: { type: 'string', default: `${ARCHIVE}.tar.xz` } } }).values
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error))
    }
  })()
  try {
    await makeArchive(out, say)
    return 0
  } catch (error) {
    if (!(error instanceof CannotMake)) throw error
    say(error.message)
    return 1
  }
}

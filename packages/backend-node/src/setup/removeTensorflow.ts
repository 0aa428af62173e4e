import { existsSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { asEither } from './fault.ts'
import { currentName, readManifest, tensorflowHome } from './folder.ts'
import { withHomeLock } from './lock.ts'

/** Delete every installation in the folder and what was downloaded for it; the right is what was deleted. */
export const removeTensorflow =
  (dir: string | null): TE.TaskEither<string, ReadonlyArray<string>> =>
  () => {
    const home = tensorflowHome(dir ?? undefined)
    if (!existsSync(home)) return Promise.resolve(E.right([]))
    return asEither(async () => {
      const removed = await withHomeLock(home, async () => {
        const ours = (await readdir(home)).filter(
          (name) =>
            ['.building', 'downloads', currentName, 'setup.log'].includes(name) ||
            readManifest(join(home, name)) !== null,
        )
        for (const name of ours) await rm(join(home, name), { recursive: true, force: true })
        return ours.map((name) => join(home, name))
      })
      // only when nothing of somebody else is in it
      if ((await readdir(home)).length === 0) await rmdir(home)
      return removed
    })
  }

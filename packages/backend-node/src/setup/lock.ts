import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf, SetupFault } from './fault.ts'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as { readonly code?: unknown }).code === 'EPERM'
  }
}

/** One set-up at a time in a folder; the lock of a process that is gone is taken over. */
export const withHomeLock = async <A>(home: string, work: () => Promise<A>): Promise<A> => {
  try {
    mkdirSync(home, { recursive: true })
  } catch (thrown) {
    throw new SetupFault(`${home} cannot be made (${reasonOf(thrown)}); name another folder with --dir.`)
  }
  const path = join(home, '.lock')
  const take = (): boolean => {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return true
    } catch (thrown) {
      if ((thrown as { readonly code?: unknown }).code === 'EEXIST') return false
      throw thrown
    }
  }
  if (!take()) {
    const owner = Number(readFileSync(path, 'utf8'))
    if (owner > 0 && isAlive(owner))
      throw new SetupFault(
        `Another set-up (process ${owner}) is working in ${home}; wait for it, or name another folder with --dir.`,
      )
    rmSync(path, { force: true })
    if (!take()) throw new SetupFault(`Another set-up has just started in ${home}; wait for it.`)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

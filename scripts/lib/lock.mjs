import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './process.mjs'

const file = join(root, '.cache', 'setup.lock')

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

const take = () => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return undefined
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  let holder = NaN
  try {
    holder = Number(readFileSync(file, 'utf8'))
  } catch {
    return NaN // released between the two calls
  }
  if (isAlive(holder)) return holder
  rmSync(file, { force: true }) // its owner died
  return NaN
}

/** Do something while no other durian process on this checkout does it; waits for the one that does. */
export const withLock = async (work) => {
  let told = false
  for (let holder = take(); holder !== undefined; holder = take()) {
    if (!told && !Number.isNaN(holder)) {
      process.stderr.write(`Waiting for another set-up of this checkout (process ${holder}) …\n`)
      told = true
    }
    await new Promise((wake) => setTimeout(wake, 200))
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

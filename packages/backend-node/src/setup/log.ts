import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/** A plain text file that says what was done and when. */
export interface Log {
  readonly path: string
  readonly write: (text: string) => void
}

export const openLog = (path: string): Log => {
  mkdirSync(dirname(path), { recursive: true })
  return { path, write: (text) => appendFileSync(path, `${new Date().toISOString()} ${text}\n`) }
}

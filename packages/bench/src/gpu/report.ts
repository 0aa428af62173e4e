import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** How a command ended: all of it is there, what there was time for, or what came before a fault. */
export type Ending =
  | { readonly status: 'complete' }
  | { readonly status: 'stopped'; readonly reason: string }
  | { readonly status: 'failed'; readonly reason: string }

/** A result file that is whole at any time: it is written anew with each number, so that a process that is killed leaves what it had. */
export interface ResultFile {
  readonly set: (key: string, value: unknown) => void
  /** Behind the others under this key. */
  readonly push: (key: string, value: unknown) => void
  readonly end: (ending: Ending) => void
}

export const resultFile = (path: string, head: Readonly<Record<string, unknown>>): ResultFile => {
  const content: Record<string, unknown> = { schema: 1, ...head, ending: { status: 'running' } }
  mkdirSync(dirname(path), { recursive: true })
  const write = (): void => {
    writeFileSync(`${path}.writing`, `${JSON.stringify(content, null, 2)}\n`)
    renameSync(`${path}.writing`, path)
  }
  write()
  const set = (key: string, value: unknown): void => {
    content[key] = value
    write()
  }
  return {
    set,
    push: (key, value) => set(key, [...((content[key] as ReadonlyArray<unknown> | undefined) ?? []), value]),
    end: (ending) => set('ending', ending),
  }
}

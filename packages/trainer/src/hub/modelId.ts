/** A model of the Hub at one of its revisions. */
export interface ModelId {
  /** `org/name`. */
  readonly name: string
  /** Branch, tag or commit; default `main`. */
  readonly revision: string
}

const PART = /^[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/
const REVISION = /^[A-Za-z0-9_][\w./-]*$/
const COMMIT = /^[0-9a-f]{40}$/

/** 40 hexadecimal digits. */
export const isCommit = (revision: string): boolean => COMMIT.test(revision)

/** Reads `org/name` or `org/name@revision`; undefined for anything that cannot be one, and for names that would leave a folder. */
export const modelIdOf = (spec: string): ModelId | undefined => {
  const at = spec.indexOf('@')
  const name = at < 0 ? spec : spec.slice(0, at)
  const revision = at < 0 ? 'main' : spec.slice(at + 1)
  const parts = name.split('/')
  const strange = parts.length !== 2 || parts.some((part) => !PART.test(part) || part.includes('--'))
  if (strange || spec.includes('..') || !REVISION.test(revision) || revision.endsWith('/')) return undefined
  return { name, revision }
}

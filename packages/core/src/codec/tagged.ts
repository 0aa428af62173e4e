import * as t from 'io-ts'
import { nearest } from './didYouMean.ts'
import { isRecord } from './sealed.ts'

/** Codecs by tag. */
export type Branches = Readonly<Record<string, t.Mixed>>

/**
 * A union told apart by one key. `t.union` reports the errors of every branch; this one looks at the tag first and reports the errors
 * of the branch that was meant.
 *
 * @param key - the tag's key; each branch decodes the whole record, tag included
 */
export const tagged = <B extends Branches>(
  key: string,
  branches: B,
): t.Type<t.TypeOf<B[keyof B]>, t.OutputOf<B[keyof B]>> => {
  const tags = Object.keys(branches)
  const branchOf = (u: unknown): t.Mixed | undefined => {
    if (!isRecord(u)) return undefined
    const tag = u[key]
    return typeof tag === 'string' && Object.hasOwn(branches, tag) ? branches[tag] : undefined
  }
  const unknownTag = (u: Readonly<Record<string, unknown>>): string => {
    if (u[key] === undefined) return `'${key}' is missing (one of ${tags.join(', ')})`
    const meant = typeof u[key] === 'string' ? nearest(u[key], tags) : undefined
    const hint = meant === undefined ? `one of ${tags.join(', ')}` : `did you mean '${meant}'?`
    return `unknown '${key}' ${JSON.stringify(u[key])} (${hint})`
  }
  return new t.Type<t.TypeOf<B[keyof B]>, t.OutputOf<B[keyof B]>>(
    `a record with '${key}'`,
    (u): u is t.TypeOf<B[keyof B]> => branchOf(u)?.is(u) ?? false,
    (u, context) => {
      if (!isRecord(u)) return t.failure(u, context)
      const branch = branchOf(u)
      return branch === undefined ? t.failure(u, context, unknownTag(u)) : branch.validate(u, context)
    },
    (a) => branchOf(a)!.encode(a) as t.OutputOf<B[keyof B]>,
  )
}

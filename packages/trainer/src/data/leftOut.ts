import { badInput, type TrainError } from '../errors.ts'

/** Rows that were left out, by why, and the sentence about the first of each kind. */
export type LeftOut = Readonly<Record<string, { readonly count: number; readonly first: string }>>

/** The kinds, as a line about them ends. */
const kinds: Readonly<Record<string, string>> = {
  bad: 'cannot be used',
  overlong: 'have prompts longer than max_prompt_length',
}

/** Counts what is left out, by kind. */
export const leavingOut = (before: LeftOut = {}) => {
  const found = new Map(Object.entries(before).map(([kind, one]) => [kind, { ...one }]))
  return {
    add: (kind: 'bad' | 'overlong', sentence: string): void => {
      const one = found.get(kind)
      if (one === undefined) found.set(kind, { count: 1, first: sentence })
      else one.count++
    },
    /** Nothing at all when no row was left out. */
    result: (): { readonly leftOut?: LeftOut } => (found.size === 0 ? {} : { leftOut: Object.fromEntries(found) }),
  }
}

/** Why no row is there; the first that was left out says it for all. */
export const noRows = (source: string, { leftOut }: { readonly leftOut?: LeftOut }): TrainError => {
  const first = Object.values(leftOut ?? {})[0]?.first
  return badInput(
    first === undefined
      ? `Data ${source} has no rows; write some into it.`
      : `Data ${source} has no row left: ${first}`,
  )
}

/** `Left out of data/train.parquet: 3 rows that cannot be used. The first: …`, one line a kind. */
export const leftOutLines = ({ source, leftOut = {} }: { readonly source: string; readonly leftOut?: LeftOut }) =>
  Object.entries(leftOut).map(
    ([kind, { count, first }]) =>
      `Left out of ${source}: ${count} ${count === 1 ? 'row' : 'rows'} that ${kinds[kind] ?? kind}. The first: ${first}`,
  )

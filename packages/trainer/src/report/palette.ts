import type { GroupKind } from '@durian/core'
import type { Compared } from './analysis.ts'

/** What a mark stands for: words and colour (a CSS variable of the page). */
export interface Key {
  readonly label: string
  readonly colour: string
}

/** Groups without a gradient are pale, groups with one are strong. In the order of the stacks. */
export const kindKeys: Readonly<Record<GroupKind, Key>> = {
  mixed: { label: 'mixed', colour: 'var(--mixed)' },
  one_right: { label: 'one right', colour: 'var(--one-right)' },
  one_wrong: { label: 'one wrong', colour: 'var(--one-wrong)' },
  shaping_only: { label: 'format only', colour: 'var(--shaping)' },
  constant_other: { label: 'equal rewards, mixed answers', colour: 'var(--constant)' },
  all_right: { label: 'all right', colour: 'var(--all-right)' },
  all_wrong: { label: 'all wrong', colour: 'var(--all-wrong)' },
  unscored: { label: 'not scored', colour: 'var(--unscored)' },
}
export const kindOrder = Object.keys(kindKeys) as ReadonlyArray<GroupKind>

export const estimatorKeys: Readonly<Record<Compared, Key>> = {
  grpo: { label: 'GRPO', colour: 'var(--grpo)' },
  durian: { label: 'Durian', colour: 'var(--durian)' },
  batch: { label: 'batch std', colour: 'var(--batch)' },
  dr_grpo: { label: 'Dr. GRPO', colour: 'var(--dr-grpo)' },
}

/** Perceptual buckets, low to high entropy. */
export const bucketKeys: ReadonlyArray<Key> = [
  { label: 'low entropy', colour: 'var(--bucket-0)' },
  { label: 'middle', colour: 'var(--bucket-1)' },
  { label: 'high entropy', colour: 'var(--bucket-2)' },
]

const runColours = ['--run-0', '--run-1', '--run-2', '--run-3', '--run-4', '--run-5']
export const runColour = (index: number): string => `var(${runColours[index % runColours.length]!})`

/** Low to high for heat maps; both ends stand out on light and on dark ground. */
export const ramp: ReadonlyArray<string> = ['#fde8c8', '#f9b872', '#e8804b', '#c24b45', '#86284f', '#471a4b']

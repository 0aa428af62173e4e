/**
 * How live rollouts lie in the decoding batch: chunks of equal width, each chunk of one prompt, so that a prompt's keys
 * serve a whole chunk in one product. As rollouts finish, narrower chunks waste fewer slots.
 */
export interface Slots {
  readonly width: number
  /** Prompt of each chunk. */
  readonly owners: ReadonlyArray<number>
  /** Rollout number of each slot, [chunks * width]; -1 is an empty slot. */
  readonly rollouts: ReadonlyArray<number>
}

export const fullSlots = (prompts: number, rollouts: number): Slots => ({
  width: rollouts,
  owners: Array.from({ length: prompts }, (_, p) => p),
  rollouts: Array.from({ length: prompts * rollouts }, (_, row) => row % rollouts),
})

/** Prompt of a slot. */
export const ownerOf = ({ owners, width }: Slots, slot: number): number => owners[Math.floor(slot / width)]!

export interface Packing {
  readonly slots: Slots
  /** Old slot of each new slot; an empty new slot repeats the first of its chunk. */
  readonly from: ReadonlyArray<number>
  /** Old chunk of each new chunk. */
  readonly chunks: ReadonlyArray<number>
}

/** Repacking copies the cache once; below this share of the slots the saved arithmetic pays for it. */
const WORTHWHILE = 0.75

/**
 * Repack the live slots into as few as possible; undefined when that saves too little.
 *
 * @param live - whether each slot still has tokens to draw
 */
export const repacked = (slots: Slots, live: (slot: number) => boolean): Packing | undefined => {
  const byPrompt = new Map<number, number[]>()
  slots.rollouts.forEach((_, slot) => {
    if (!live(slot)) return
    const owner = ownerOf(slots, slot)
    byPrompt.set(owner, [...(byPrompt.get(owner) ?? []), slot])
  })
  const groups = [...byPrompt]
  const sizeAt = (width: number): number =>
    groups.reduce((sum, [, own]) => sum + Math.ceil(own.length / width) * width, 0)
  let width = slots.width
  for (let narrower = width - 1; narrower >= 1; narrower--) if (sizeAt(narrower) < sizeAt(width)) width = narrower
  if (sizeAt(width) > WORTHWHILE * slots.rollouts.length) return undefined
  const owners: number[] = []
  const rollouts: number[] = []
  const from: number[] = []
  for (const [owner, own] of groups)
    for (let start = 0; start < own.length; start += width) {
      owners.push(owner)
      for (let i = start; i < start + width; i++) {
        from.push(own[i] ?? own[start]!)
        rollouts.push(i < own.length ? slots.rollouts[own[i]!]! : -1)
      }
    }
  const chunks = owners.map((_, chunk) => Math.floor(from[chunk * width]! / slots.width))
  return { slots: { width, owners, rollouts }, from, chunks }
}

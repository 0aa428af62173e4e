/** Where the punishment of long completions begins and ends. */
export interface SoftOverlong {
  /** Longest completion, tokens. */
  readonly maxCompletionLength: number
  /** Tokens before that over which the punishment falls from 0 to -1. At least 1. */
  readonly softPunishCache: number
}

/**
 * Soft overlong punishment, added to a rollout's reward (DAPO: Yu et al. 2025, eq. 13; TRL's `get_soft_overlong_punishment`).
 *
 *   0                                for length <= max - cache
 *   (max - cache - length) / cache   up to max
 *   -1                               beyond
 *
 * @param length - tokens of the completion
 * @returns [-1, 0]
 */
export const softOverlongPunishment = (
  length: number,
  { maxCompletionLength, softPunishCache }: SoftOverlong,
): number => {
  const free = maxCompletionLength - softPunishCache
  if (length <= free) return 0
  return length <= maxCompletionLength ? (free - length) / softPunishCache : -1
}

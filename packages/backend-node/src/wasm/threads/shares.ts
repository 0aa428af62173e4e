import type { Shares, Sizes } from '../product.ts'

/** Least work of a chunk, about 60 microseconds of one core: less is not worth a thread's waking. */
const LEAST = 1.5e6
/** More chunks gain nothing with the few threads that a machine has, and each repeats some packing. */
const MOST = 16
/** Columns are divided along lines of the cache, rows along tiles. */
const [COLUMN_GRAIN, ROW_GRAIN] = [16, 8]

/* Work in multiply-adds, of which a core does some 25 a nanosecond. */
/** To pack a number of the right operand, transposed in memory or not; to copy one of a transposed left operand; to read one once more. */
const [TURN, PACK, COPY, READ] = [16, 6, 6, 0.5]
/** What an item and each of its panels cost beside their arithmetic. */
const [ITEM, PANEL_CALLS] = [10_000, 2500]

/**
 * How a batch of products is divided, from its sizes alone; undefined when it is too little work to divide. Whole items where there are many;
 * else rows or columns, whichever repeats less: every chunk of rows packs the right operand, every chunk of columns copies a transposed left one.
 * @param scale - what the least work of a chunk is multiplied by; 0 divides as far as it goes
 */
export const sharesOf = (sizes: Sizes, items: number, scale: number): Shares | undefined => {
  const { m, k, n, transposeA, transposeB } = sizes
  const packing = k * n * (transposeB ? TURN : PACK)
  const copying = m * k * (transposeA ? COPY : READ)
  const work = ITEM + Math.ceil(n / 8) * PANEL_CALLS + packing + copying + Math.max(m, 4) * k * n
  const most = Math.min(MOST, Math.floor((items * work) / (scale * LEAST)))
  if (most < 2) return undefined
  const whole = { items, rows: m, columns: n }
  if (items >= most) return { ...whole, items: Math.ceil(items / most) }
  const parts = Math.ceil(most / items)
  /** As many parts as repeat at most an eighth of the work. */
  const allowed = (repeated: number): number => Math.min(parts, 1 + Math.floor(work / 8 / repeated))
  const rows = shared(m, allowed(packing), ROW_GRAIN)
  const columns = shared(n, allowed(copying), COLUMN_GRAIN)
  if (rows === m && columns === n && items === 1) return undefined
  return m / rows > n / columns ? { ...whole, items: 1, rows } : { ...whole, items: 1, columns }
}

const shared = (size: number, parts: number, grain: number): number =>
  Math.min(size, grain * Math.ceil(size / parts / grain))

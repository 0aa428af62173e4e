/** tfjs's pool of buffers: keyed by exact size, and never smaller than it once was. Its lists are private in its types. */
interface Pool {
  numBytesAllocated: number
  numBytesUsed: number
  numFreeBuffers: number
  readonly freeBuffers: Map<string, GPUBuffer[]>
}

/** Idle bytes that are always kept, for the next step's tensors. */
const KEPT = 256 * 2 ** 20

/**
 * Give idle buffers back once they take more than what is in use and 256 MiB beside: with batches of varying length each size that ever occurred
 * would stay. Call it when nothing waits to be submitted.
 */
export const trimPool = (manager: object, kept: number = KEPT): void => {
  const pool = manager as Pool
  if (pool.numBytesAllocated - pool.numBytesUsed <= pool.numBytesUsed + kept) return
  for (const [key, buffers] of pool.freeBuffers) {
    for (const buffer of buffers) {
      pool.numBytesAllocated -= buffer.size
      pool.numFreeBuffers--
      buffer.destroy()
    }
    // the key stays: tfjs expects a list for every size it has handed out
    pool.freeBuffers.set(key, [])
  }
}

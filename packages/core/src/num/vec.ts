/** Read-only view of numbers: accepts number[], Float32Array and Float64Array, and forbids writes. Functions return a fresh Float64Array. */
export type Vec = ArrayLike<number>

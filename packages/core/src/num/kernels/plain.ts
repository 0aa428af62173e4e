import { inPanel, inTiles, type Kernels } from './kernels.ts'

/**
 * The kernels in TypeScript, for engines without WebAssembly or its SIMD. Sums run in two lanes, even and odd positions, exactly as the
 * SIMD kernels add, so both give the same bits.
 */
export const plainKernels = (length: number): Kernels => {
  const heap = new Float64Array(length)

  const symmetricTimes: Kernels['symmetricTimes'] = (a, v, q, n) => {
    for (let i = 0; i < n; i++) {
      const factor = heap[v + i]!
      const corner = i & ~3
      let at = a + inTiles(i, 0)
      let even = 0
      let odd = 0
      for (let j = 0; j < corner; j += 2) {
        const first = heap[at]!
        const second = heap[at + 1]!
        even += first * heap[v + j]!
        odd += second * heap[v + j + 1]!
        heap[q + j]! += first * factor
        heap[q + j + 1]! += second * factor
        at += j & 2 ? 14 : 2
      }
      let total = even + odd
      for (let j = corner; j < i; j++) {
        const entry = heap[at++]!
        total += entry * heap[v + j]!
        heap[q + j]! += entry * factor
      }
      heap[q + i] = total + heap[at]! * factor
    }
  }

  const timesVector: Kernels['timesVector'] = ({ at, pitch, rows, cols }, x, y) => {
    for (let r = 0; r < rows; r++) {
      const row = at + r * pitch
      let even = 0
      let odd = 0
      for (let j = 0; j < cols; j += 2) {
        even += heap[row + j]! * heap[x + j]!
        odd += heap[row + j + 1]! * heap[x + j + 1]!
      }
      heap[y + r] = even + odd
    }
  }

  const subtractRows: Kernels['subtractRows'] = ({ at, pitch, rows, cols }, c, y) => {
    for (let r = 0; r < rows; r += 4) {
      const [c0, c1, c2, c3] = [heap[c + r]!, heap[c + r + 1]!, heap[c + r + 2]!, heap[c + r + 3]!]
      const row = at + r * pitch
      for (let j = 0; j < cols; j++) {
        const a = row + j
        heap[y + j]! -= heap[a]! * c0 + heap[a + pitch]! * c1 + heap[a + 2 * pitch]! * c2 + heap[a + 3 * pitch]! * c3
      }
    }
  }

  const product =
    (step: (sum: number, a: number, b: number) => number, mate: (p: number) => number): Kernels['addSquares'] =>
    (c, panel, n, depth) => {
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) {
          const at = c + inTiles(i, j)
          const left = panel + inPanel(depth, 0, i)
          const right = panel + inPanel(depth, 0, j)
          let sum = heap[at]!
          for (let p = 0; p < depth; p++) sum = step(sum, heap[left + 4 * p]!, heap[right + 4 * mate(p)]!)
          heap[at] = sum
        }
    }

  return {
    heap,
    symmetricTimes,
    timesVector,
    subtractRows,
    subtractPairs: product(
      (c, a, b) => c - a * b,
      (p) => p ^ 1,
    ),
    addSquares: product(
      (c, a, b) => c + a * b,
      (p) => p,
    ),
  }
}

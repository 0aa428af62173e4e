import { either as E } from 'fp-ts'
import { expect, it } from 'vitest'
import { describeOnTensorFlow } from './testing.ts'

// what computes where there is no compiler
process.env['DURIAN_TENSORFLOW_KERNELS'] = 'stock'

await describeOnTensorFlow('tensorflow without our kernels', {
  runs: 10,
  body: (backend) => {
    it('says which kernels it has', () => {
      expect(backend.info.description).toContain('stock kernels')
    })
    it('law: few rows times a large transposed weight, computed turned round, are the product; nothing is left behind', async () => {
      const { ops, memory, transfer } = backend
      const [K, N] = [1024, 1025]
      const wave = (n: number, step: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(step * i))
      const [w, ...xs] = [wave(N * K, 0.37), ...[1, 2, 128, 129].map((rows) => wave(rows * K, 0.11))]
      const live = memory.liveTensors()
      for (const x of xs) {
        const rows = x.length / K
        const y = memory.scope(() =>
          ops.matmul(ops.fromHost({ shape: [rows, K], data: x }), ops.fromHost({ shape: [N, K], data: w }), {
            transposeB: true,
          }),
        )
        expect(ops.shape(y)).toEqual([rows, N])
        const found = await transfer.read(y)()
        if (E.isLeft(found)) throw new Error(found.left.reason)
        for (const [m, n] of [
          [0, 0],
          [rows - 1, 0],
          [0, N - 1],
          [rows - 1, 517],
          [rows - 1, N - 1],
        ] as const) {
          let exact = 0
          for (let k = 0; k < K; k++) exact += x[m * K + k]! * w[n * K + k]!
          expect(Math.abs(found.right[m * N + n]! - exact), `${rows} rows, [${m}, ${n}]`).toBeLessThan(2e-3)
        }
        memory.free(y)
      }
      expect(memory.liveTensors()).toBe(live)
    })
    it('law: fromHost shares no array with its caller, wherever the array lies in memory', async () => {
      const { ops, memory, transfer } = backend
      // TensorFlow takes an array on a 64-byte boundary as it is: about one in four of these
      const arrays = Array.from({ length: 64 }, (_, i) => new Float32Array(1000 + 4 * i).fill(1))
      const tensors = arrays.map((data) => ops.fromHost({ shape: [data.length], data }))
      for (const data of arrays) data.fill(2)
      for (const x of tensors) {
        const read = await transfer.read(x)()
        expect(E.isRight(read) && read.right.every((value) => value === 1)).toBe(true)
      }
      memory.free(tensors)
    })

    it('law: fromHost has copied when it returns, so that its caller may write over the array', async () => {
      const { ops, memory, transfer } = backend
      const data = Float32Array.of(0, 1, 2, 3, 4)
      const before = memory.bytes()
      const x = ops.fromHost({ shape: [2, 2], data: data.subarray(1) })
      expect(memory.bytes() - before).toBe(16)
      data.fill(9)
      const found = await transfer.read(x)()
      expect(E.isRight(found) && [...found.right]).toEqual([1, 2, 3, 4])
      memory.free(x)
      expect(memory.bytes()).toBe(before)
      expect(() => ops.fromHost({ shape: [3], data })).toThrow('holds 3 elements, the data 5')
    })
  },
})

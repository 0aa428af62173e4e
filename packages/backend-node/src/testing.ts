import type { Tensor } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import { allLaws, withGaps } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { gaps } from './gaps.ts'
import { tolerances } from './tolerances.ts'
import { openWasm } from './wasm/open.ts'
import { openNodeBackend } from './withNodeBackend.ts'

interface LawOptions {
  /** Random inputs a law. */
  readonly runs: number
  /** Further tests on the backend, before the laws. */
  readonly body: (backend: Backend<Tensor>) => void
}

/**
 * The laws on TensorFlow. Where it is not installed the block is one skipped test that says why; with DURIAN_REQUIRE_TENSORFLOW=1 it fails.
 * One call a test file: tfjs's engine is global, and a file is a process of its own.
 */
export const describeOnTensorFlow = async (name: string, { runs, body }: LawOptions): Promise<void> => {
  const opened = await openNodeBackend({ prefer: 'tensorflow' })()
  describe(name, () => {
    if (E.isLeft(opened)) {
      const { reason } = opened.left
      if (process.env['DURIAN_REQUIRE_TENSORFLOW'] === '1') {
        it('law: TensorFlow is here, as DURIAN_REQUIRE_TENSORFLOW=1 asks', () => {
          throw new Error(reason)
        })
      } else {
        console.log(`skipped: the laws on TensorFlow, because ${reason}`)
        it.skip(`law: TensorFlow obeys the laws (skipped: ${reason})`, () => undefined)
      }
      return
    }
    const { backend } = opened.right
    body(backend)
    const { values, gradients } = tolerances.tensorflow
    const subject = { backend, tolerance: values, gradientTolerance: gradients, seed: 7, runs }
    for (const law of withGaps(allLaws(subject), gaps.tensorflow)) it(`law: ${law.name}`, law.check)
  })
}

/** The laws on WASM with several threads, everything divided as far as it goes. One call a test file, as above. */
export const describeOnWasmThreads = async (threads: number): Promise<void> => {
  const { backend, facts } = await openWasm({ threads, divide: 'always' })
  const { values, gradients } = tolerances.wasm
  describe(`wasm with ${threads} threads`, () => {
    it('says how many there are', () => {
      expect(facts.threads).toBe(threads)
      expect(backend.info.description).toContain(`, ${threads} threads`)
    })

    it('law: a tensor that does not fit 4 GB is a fault that says so, and what comes after is computed', async () => {
      const { ops, memory, transfer } = backend
      const tooLarge = () =>
        memory.scope(() => {
          const block = ops.fromHost({ shape: [1, 1 << 20], data: new Float32Array(1 << 20) }) // 4 MB
          return void ops.embedding(block, new Array<number>(1023).fill(0))
        })
      expect(tooLarge).toThrow(/no room for .* in the 4 GB of WebAssembly memory/)
      expect(await transfer.read(ops.sum(ops.fromHost({ shape: [3], data: [1, 2, 3] }), 0))()).toEqual(
        E.right(new Float32Array([6])),
      )
    })

    const subject = { backend, tolerance: values, gradientTolerance: gradients, seed: 7, runs: 4 }
    for (const law of withGaps(allLaws(subject), gaps.wasm)) it(`law: ${law.name}`, law.check)
  })
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { centredColumns, gram, normals, streams, symmetricEigenvalues, visualEntropy } from '@durian/core'
import type { Case, Subject } from '../harness.ts'
import type { NumPy } from '../peers/numpy.ts'

const sizes = [64, 256, 1024]
/** Width of Qwen2.5-VL's vision encoder: one feature row per patch. */
const width = 1280

const keep = async (
  numpy: NumPy,
  folder: string,
  matrix: { name: string; rows: number; cols: number; data: Float64Array },
) => {
  const { name, rows, cols, data } = matrix
  const file = join(folder, `${name}.f64`)
  writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  await numpy.keep({ name, file, rows, cols })
}

/** The peer's time for a piece of work, once its answer has been seen to be ours to 1e-8. */
const peer = async (numpy: NumPy, work: 'entropy' | 'eigenvalues', name: string, ours: number): Promise<Subject> => {
  const { value } = await numpy.time(work, name)
  if (!(Math.abs(value - ours) <= 1e-8 * Math.abs(ours)))
    throw new Error(
      `${work} of ${name}: ${ours} here and ${value} from NumPy; a time for different results means nothing`,
    )
  return { by: 'numpy', once: async () => (await numpy.time(work, name)).ms }
}

/** Visual entropy from features, and its costliest part alone, by number of patches; beside NumPy (LAPACK) where it is installed. */
export const entropyCases = async (numpy: NumPy | null): Promise<ReadonlyArray<Case>> => {
  const folder = mkdtempSync(join(tmpdir(), 'durian-bench-'))
  try {
    const cases: Case[] = []
    for (const n of sizes) {
      const features = { rows: n, cols: width, data: normals({ seed: 2, stream: streams.test, index: n }, n * width) }
      const covariance = gram(centredColumns(features)) // [n, n]
      const entropy = (): number => visualEntropy(features)
      const trace = (): number => symmetricEigenvalues(covariance).reduce((total, value) => total + value, 0)
      const peers = { entropy: [] as Subject[], eigenvalues: [] as Subject[] }
      if (numpy !== null) {
        await keep(numpy, folder, { name: `features${n}`, ...features })
        await keep(numpy, folder, {
          name: `covariance${n}`,
          rows: n,
          cols: n,
          data: Float64Array.from(covariance.data),
        })
        peers.entropy.push(await peer(numpy, 'entropy', `features${n}`, entropy()))
        peers.eigenvalues.push(await peer(numpy, 'eigenvalues', `covariance${n}`, trace()))
      }
      cases.push({
        suite: 'core',
        name: 'visual entropy',
        size: `${n} x ${width}`,
        subjects: [{ by: 'durian', once: () => void entropy() }, ...peers.entropy],
      })
      cases.push({
        suite: 'core',
        name: 'symmetric eigenvalues',
        size: `${n} x ${n}`,
        subjects: [{ by: 'durian', once: () => void trace() }, ...peers.eigenvalues],
      })
    }
    return cases
  } finally {
    rmSync(folder, { recursive: true })
  }
}

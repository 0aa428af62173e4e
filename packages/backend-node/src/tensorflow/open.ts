import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { tfjsBackend, type Tensor, type Tf } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import type { OpenedEngine } from '../engines.ts'
import { currentInstallation, tensorflowHome, tfjsNodeIn, type Variant } from '../setup/folder.ts'

/** What tfjs-node's backend object tells about the library under it. */
interface NodeKernelBackend {
  readonly binding?: { readonly TF_Version?: string }
  readonly isUsingGpuDevice?: boolean
}

/**
 * tfjs on TensorFlow's own library. `@tensorflow/tfjs-node` is an optional peer, looked for in this order: the folder that the environment
 * variable DURIAN_TFJS_NODE names, the installation of `durian setup tensorflow`, next to this package or in `NODE_PATH`.
 * Rejects with one sentence when it is not there or does not load.
 */
export const openTensorflow = async (packageName: string): Promise<OpenedEngine> => {
  restoreNodeUtil()
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  // else TensorFlow takes the whole of a GPU's memory at once, and a second process finds none
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true'
  const found = locate(packageName)
  const tf = await load(found)
  if (!(await tf.setBackend('tensorflow')))
    throw new Error(`${packageName} loaded, but its TensorFlow backend did not start`)
  await tf.ready()
  const { binding, isUsingGpuDevice } = tf.backend() as unknown as NodeKernelBackend
  const device = isUsingGpuDevice === true ? 'GPU' : 'CPU'
  const library = binding?.TF_Version ?? 'of unknown version'
  const threads = process.env['TF_NUM_INTRAOP_THREADS']
  const name = packageName.replace('@tensorflow/', '')
  // a CUDA build without a GPU computes on the processor and says nothing
  const fallen = found.variant === 'cuda' && device === 'CPU' ? ' (a CUDA build, but no GPU answers)' : ''
  const backend: Backend<Tensor> = tfjsBackend(tf, {
    name: 'tensorflow',
    description: [
      `${name} ${tf.version_core}`,
      `libtensorflow ${library}`,
      `${device}${fallen}${threads === undefined ? '' : `, ${threads} threads`}`,
    ].join(', '),
  })
  return {
    backend,
    facts: {
      libraries: { [name]: tf.version_core, libtensorflow: library },
      device: `${device}${fallen}`,
      threads: threads === undefined ? availableParallelism() : Number(threads),
      memoryLimit: null,
      from: found.folder,
    },
  }
}

interface Found {
  readonly entry: string
  /** Where it was found, in the user's words. */
  readonly folder: string
  readonly variant: Variant | null
}

const fromFolder = (folder: string, variant: Variant | null): Found => ({
  entry: createRequire(join(folder, 'package.json')).resolve(folder),
  folder,
  variant,
})

const locate = (packageName: string): Found => {
  if (packageName === '@tensorflow/tfjs-node') {
    const named = process.env['DURIAN_TFJS_NODE']
    if (named !== undefined && named !== '') {
      try {
        return fromFolder(named, null)
      } catch {
        throw new Error(`DURIAN_TFJS_NODE names ${named}, which is no folder of an installed @tensorflow/tfjs-node`)
      }
    }
    const current = currentInstallation(tensorflowHome())
    if (current !== null) return fromFolder(tfjsNodeIn(current.folder), current.manifest.variant)
  }
  const entry = createRequire(import.meta.url).resolve(packageName)
  return { entry, folder: 'an installed package', variant: null }
}

const load = async ({ entry }: Found): Promise<Tf> => {
  const loaded = (await import(pathToFileURL(entry).href)) as Tf & { readonly default?: Tf }
  return loaded.default ?? loaded
}

/**
 * Node 23 removed two functions that tfjs-node still calls (tensorflow/tfjs#8609, mended in #8425, never released); Node 22 warns of them.
 */
const restoreNodeUtil = (): void => {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>
  util['isNullOrUndefined'] = (x: unknown) => x === null || x === undefined
  util['isArray'] = Array.isArray
}

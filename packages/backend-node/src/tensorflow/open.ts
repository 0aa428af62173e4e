import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { profileKernels, tfjsBackend, type Tensor, type Tf } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'
import type { OpenedEngine } from '../engines.ts'
import { currentInstallation, tensorflowHome, tfjsNodeIn, type Variant } from '../setup/folder.ts'
import { nativeKernelsIn } from '../setup/nativeKernels.ts'
import { timeNative, type NodeKernelBackend } from './execute.ts'
import { installKernels } from './kernels.ts'
import { uploader } from './upload.ts'

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
  const kernelBackend = tf.backend() as unknown as NodeKernelBackend
  const { binding, isUsingGpuDevice } = kernelBackend
  const device = isUsingGpuDevice === true ? 'GPU' : 'CPU'
  const library = binding.TF_Version ?? 'of unknown version'
  // ours compute on the processor: beside a GPU they would move every tensor
  const native = isUsingGpuDevice !== true && loadNativeKernels(found.package)
  installKernels(tf, kernelBackend, { native })
  const threads = process.env['TF_NUM_INTRAOP_THREADS']
  const name = packageName.replace('@tensorflow/', '')
  // a CUDA build without a GPU computes on the processor and says nothing
  const fallen = found.variant === 'cuda' && device === 'CPU' ? ' (a CUDA build, but no GPU answers)' : ''
  const plain = tfjsBackend(tf, {
    name: 'tensorflow',
    description: [
      `${name} ${tf.version_core}`,
      `libtensorflow ${library}`,
      `${device}${fallen}${threads === undefined ? '' : `, ${threads} ${threads === '1' ? 'thread' : 'threads'}`}`,
      native ? 'own kernels' : 'stock kernels',
    ].join(', '),
  })
  const backend: Backend<Tensor> = { ...plain, ops: { ...plain.ops, fromHost: uploader(tf, kernelBackend) } }
  return {
    backend,
    facts: {
      libraries: { [name]: tf.version_core, libtensorflow: library },
      device: `${device}${fallen}`,
      threads: threads === undefined ? availableParallelism() : Number(threads),
      memoryLimit: null,
      from: found.folder,
    },
    profile: () => profileKernels(tf, 'tensorflow', (timed) => timeNative(kernelBackend, timed)),
  }
}

interface Found {
  readonly entry: string
  /** The folder of tfjs-node. */
  readonly package: string
  /** Where it was found, in the user's words. */
  readonly folder: string
  readonly variant: Variant | null
}

const fromFolder = (folder: string, variant: Variant | null): Found => ({
  entry: createRequire(join(folder, 'package.json')).resolve(folder),
  package: folder,
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
  return { entry, package: dirname(dirname(entry)), folder: 'an installed package', variant: null }
}

const load = async ({ entry }: Found): Promise<Tf> => {
  const loaded = (await import(pathToFileURL(entry).href)) as Tf & { readonly default?: Tf }
  return loaded.default ?? loaded
}

/**
 * Make our own operations known to TensorFlow, where `durian setup tensorflow` has compiled them for this processor and
 * DURIAN_TENSORFLOW_KERNELS does not say `stock`.
 */
const loadNativeKernels = (tfjsNode: string): boolean => {
  if (process.env['DURIAN_TENSORFLOW_KERNELS'] === 'stock') return false
  const path = nativeKernelsIn(tfjsNode)
  if (!existsSync(path)) return false
  createRequire(import.meta.url)(path)
  return true
}

/**
 * Node 23 removed two functions that tfjs-node still calls (tensorflow/tfjs#8609, mended in #8425, never released); Node 22 warns of them.
 */
const restoreNodeUtil = (): void => {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>
  util['isNullOrUndefined'] = (x: unknown) => x === null || x === undefined
  util['isArray'] = Array.isArray
}

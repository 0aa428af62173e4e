import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { tfjsBackend, type Tensor, type Tf } from '@durian/backend-tfjs'
import type { Backend } from '@durian/core'

/**
 * tfjs on TensorFlow's own library. The package is an optional peer: it is looked up next to this package, in `NODE_PATH`,
 * or in the folder that the environment variable DURIAN_TFJS_NODE names (an installed `@tensorflow/tfjs-node`).
 * Rejects with one sentence when it is not there or does not load.
 */
export const openTensorflow = async (packageName: string): Promise<Backend<Tensor>> => {
  restoreNodeUtil()
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  const tf = await load(packageName)
  if (!(await tf.setBackend('tensorflow')))
    throw new Error(`${packageName} loaded, but its TensorFlow backend did not start`)
  await tf.ready()
  const library = (tf.backend() as unknown as { readonly binding?: { readonly TF_Version?: string } }).binding
  const device =
    (tf.backend() as unknown as { readonly isUsingGpuDevice?: boolean }).isUsingGpuDevice === true ? 'GPU' : 'CPU'
  const threads = process.env['TF_NUM_INTRAOP_THREADS']
  return tfjsBackend(tf, {
    name: 'tensorflow',
    description: [
      `${packageName.replace('@tensorflow/', '')} ${tf.version_core}`,
      `libtensorflow ${library?.TF_Version ?? 'of unknown version'}`,
      threads === undefined ? device : `${device}, ${threads} threads`,
    ].join(', '),
  })
}

const load = async (packageName: string): Promise<Tf> => {
  const folder = process.env['DURIAN_TFJS_NODE']
  const entry =
    folder !== undefined && packageName === '@tensorflow/tfjs-node'
      ? createRequire(join(folder, 'package.json')).resolve(folder)
      : createRequire(import.meta.url).resolve(packageName)
  const loaded = (await import(pathToFileURL(entry).href)) as Tf & { readonly default?: Tf }
  return loaded.default ?? loaded
}

/** Node 23 removed two functions that tfjs-node still calls (tensorflow/tfjs#8609, mended in #8425, never released). */
const restoreNodeUtil = (): void => {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>
  util['isNullOrUndefined'] ??= (x: unknown) => x === null || x === undefined
  util['isArray'] ??= Array.isArray
}

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Shape } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { narrowed } from '../io/floats.ts'
import { floatsOf, type TensorToWrite, writeTensors } from '../io/safetensors.ts'
import { bytesOf, type FloatDtype } from '../io/safetensorsHeader.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { eachWeight, readJson } from '../policy/files.ts'
import type { AdapterTensors } from '../policy/lora.ts'
import { weightShapes } from '../policy/weights.ts'
import { withAdapter } from './mergedWeights.ts'

/** Kinds of numbers to write, by torch's names. */
export const dtypes = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const satisfies Record<string, FloatDtype>
export type DtypeName = keyof typeof dtypes

/** Float32 values as the bytes of a file. */
export const encodedFloats = (values: Float32Array, dtype: FloatDtype): Uint8Array => {
  const numbers = dtype === 'F32' ? values : narrowed(values, dtype)
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
}

/** Names in the order given, cut where the next would make a file larger than `limit` bytes; a larger tensor has a file of its own. */
export const shards = (
  sizes: ReadonlyArray<readonly [name: string, bytes: number]>,
  limit: number,
): ReadonlyArray<ReadonlyArray<string>> => {
  const files: Array<Array<string>> = []
  let filled = Infinity
  for (const [name, bytes] of sizes) {
    if (filled + bytes > limit) {
      files.push([])
      filled = 0
    }
    files.at(-1)!.push(name)
    filled += bytes
  }
  return files
}

export interface ModelToWrite {
  /** Folder of the model the weights come from. */
  readonly from: string
  readonly policy: PolicyConfig
  /** Put into the weights on the way; empty for none. */
  readonly adapter: AdapterTensors
  readonly dtype: DtypeName
  /** Bytes of a file at most. */
  readonly maxShardSize: number
  readonly onTensor?: (done: number, total: number) => void
}

/** One weight of a model folder, as float32. */
const readWeight = (from: string, policy: PolicyConfig, name: string): TE.TaskEither<TrainError, Float32Array> =>
  attempt(async (take) => {
    const found: Array<Float32Array> = []
    const visit = (tensor: Parameters<typeof floatsOf>[0]): void => void found.push(floatsOf(tensor))
    await take(eachWeight(from, policy, { wanted: (other) => other === name, visit }))
    return found[0]!
  })

/**
 * Safetensors, sharded where they are large, with their index, and `config.json` with the new `torch_dtype`. One tensor is in memory at a time.
 *
 * @returns the files' names
 */
export const writeModelFolder = (
  directory: string,
  { from, policy, adapter, dtype, maxShardSize, onTensor }: ModelToWrite,
): TE.TaskEither<TrainError, ReadonlyArray<string>> =>
  attempt(async (take) => {
    const shapes: ReadonlyMap<string, Shape> = new Map(Object.entries(weightShapes(policy)))
    const stored = dtypes[dtype]
    const files = shards(
      [...shapes].map(([name, shape]) => [name, bytesOf(stored, shape)] as const),
      maxShardSize,
    )
    const padded = (n: number): string => String(n).padStart(5, '0')
    const fileName = (index: number): string =>
      files.length === 1 ? 'model.safetensors' : `model-${padded(index + 1)}-of-${padded(files.length)}.safetensors`
    let done = 0
    for (const [index, names] of files.entries()) {
      // What stops the reading inside the writing is kept here, for `writeTensors` only knows of its own file.
      let stopped: TrainError | undefined
      const tensors = names.map((name): TensorToWrite => {
        const shape = shapes.get(name)!
        const bytes = async (): Promise<Uint8Array> => {
          const weight = await readWeight(from, policy, name)()
          if (E.isLeft(weight)) {
            stopped = weight.left
            throw Object.assign(new Error(weight.left._tag), { code: 'STOPPED' })
          }
          onTensor?.(++done, shapes.size)
          return encodedFloats(withAdapter(name, weight.right, adapter), stored)
        }
        return { name, dtype: stored, shape, bytes }
      })
      const written = await writeTensors(join(directory, fileName(index)), tensors)()
      if (E.isLeft(written)) await take(E.left(stopped ?? written.left))
    }
    if (files.length > 1) {
      const map = Object.fromEntries(files.flatMap((names, index) => names.map((name) => [name, fileName(index)])))
      const total = [...shapes.values()].reduce((sum, shape) => sum + bytesOf(stored, shape), 0)
      const text = JSON.stringify({ metadata: { total_size: total }, weight_map: map }, null, 2)
      await writeFile(join(directory, 'model.safetensors.index.json'), `${text}\n`)
    }
    const config = await take(readJson(join(from, 'config.json')))
    if (typeof config !== 'object' || config === null)
      return take<never>(E.left(badInput(`${join(from, 'config.json')}: it is not a JSON object.`)))
    const { dtype: newName, ...others } = config as Readonly<Record<string, unknown>>
    const named = newName === undefined ? { ...others, torch_dtype: dtype } : { ...others, dtype }
    await writeFile(join(directory, 'config.json'), `${JSON.stringify(named, null, 2)}\n`)
    return files.map((_, index) => fileName(index))
  })

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openNodeBackend } from '@durian/backend-node'
import { visualEntropy } from '@durian/core'
import { either as E, taskEither as TE } from 'fp-ts'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Row } from '../data/types.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import { prepare, type Prepared } from '../train/prepare.ts'
import { encodeRows } from '../train/rollout.ts'
import { quietHooks, smallConfig, smallData, value } from '../train/testing.ts'
import { train } from '../train/train.ts'
import { chunkSizes } from './hostTasks.ts'
import { withHostWorkers, withWorkers, type HostWorkers } from './hostWorkers.ts'

let data: string
beforeAll(async () => {
  data = await smallData()
})

const preparedWith = async (name: string, workers: number): Promise<Prepared> =>
  value(prepare(await smallConfig(data, name, [`num_workers=${workers}`, 'max_steps=2'])))

/** The text of a log without what may depend on time. */
const untimed = async (folder: string, log: string): Promise<string> =>
  (await readFile(join(folder, log), 'utf8')).replace(/"(step_time|timing_s\/\w+|perf\/\w+)":[^,}]+/g, '"$1":0')

const runWith = async (workers: number): Promise<string> => {
  const prepared = await preparedWith(`workers-${workers}`, workers)
  const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
  await value(withHostWorkers(prepared.config, (pool) => train(backend, withWorkers(prepared, pool), quietHooks)(null)))
  return prepared.config.output_dir
}

describe('the workers of the host', () => {
  it('trajectory: a run with 2 workers writes the same bytes as one without', async () => {
    const alone = await runWith(0)
    const helped = await runWith(2)
    for (const log of ['metrics.jsonl', 'completions.jsonl', 'evaluation.jsonl'])
      expect(await untimed(helped, log)).toBe(await untimed(alone, log))
    const weights = (folder: string) => readFile(join(folder, 'checkpoint-2', 'model.safetensors'))
    expect((await weights(helped)).equals(await weights(alone))).toBe(true)
  })

  it('golden: 1 and 3 workers give what the main thread gives, over several chunks, in the order of the items', async () => {
    const { config, processor, dataset } = await preparedWith('chunks', 0)
    const rows = dataset.rows.slice(0, 2 * chunkSizes.encode + 3)
    const prompts = await Promise.all(rows.map((row) => value(encodePrompt(processor)(row))))
    const features = prompts.map(({ images: [image] }) => ({ rows: 4, cols: 6, data: image!.pixels.subarray(0, 24) }))
    for (const count of [1, 3]) {
      const use = (workers: HostWorkers | null) => async () =>
        E.right({
          prompts: await value(encodeRows({ ...processor, workers: workers! }, rows)),
          entropies: await value(workers!.entropies(features)),
        })
      const found = await value(withHostWorkers({ ...config, num_workers: count }, use))
      expect(found.prompts.map(({ prompt }) => prompt.id)).toEqual(prompts.map(({ id }) => id))
      found.prompts.forEach(({ prompt: { ids, images, positions } }, i) => {
        expect(ids).toEqual(prompts[i]!.ids)
        expect(positions).toEqual(prompts[i]!.positions)
        const bytes = (pixels: Float32Array) => Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength)
        images.forEach(({ pixels }, j) => {
          expect(bytes(pixels).equals(bytes(prompts[i]!.images[j]!.pixels))).toBe(true)
        })
      })
      expect(found.entropies).toEqual(features.map(visualEntropy))
    }
  })

  it('golden: the first row that fails is the error, whichever worker met it', async () => {
    const { config, processor, dataset } = await preparedWith('failing', 0)
    const broken = (row: Row, id: string): Row => ({ ...row, id, images: [] })
    const rows = dataset.rows.slice(0, 20).map((row, i) => (i === 7 || i === 15 ? broken(row, `bad-${i}`) : row))
    const result = await withHostWorkers({ ...config, num_workers: 2 }, (workers) =>
      encodeRows({ ...processor, workers: workers! }, rows),
    )()
    expect(result).toEqual(
      E.left({ _tag: 'BadInput', message: expect.stringMatching(/^Row 'bad-7': it has 0 images/) }),
    )
  })

  it('says why a worker stopped, and starts none for 0', async () => {
    const { config, dataset } = await preparedWith('stopped', 0)
    const nowhere = { ...config, num_workers: 2, model_name_or_path: '/no/such/model' }
    const result = await withHostWorkers(nowhere, (workers) => workers!.encode(dataset.rows))()
    expect(result).toEqual(
      E.left({ _tag: 'RunFailed', message: expect.stringMatching(/worker of num_workers stopped .*num_workers=0/) }),
    )
    expect(await withHostWorkers(config, (workers) => TE.of(workers))()).toEqual(E.right(null))
  })
})

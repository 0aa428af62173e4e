import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { normals, streams, visualEntropy } from '@durian/core'
import {
  encodeRows,
  loadDataset,
  loadProcessor,
  makeData,
  rlFamilies,
  sftFamilies,
  type TrainError,
  withHostWorkers,
  withWorkers,
} from '@durian/trainer'
import { either as E, type taskEither as TE } from 'fp-ts'
import { environment } from './environment.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'
import { spreadOf } from './stats.ts'

/**
 * `node dist/workersMain.js [--rounds 5] [--save]`: preparing pictures and prompts, and visual entropies, by 0, 1 and 2 worker threads, in turns.
 * The threads are there and warm before the clock starts.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, save: { type: 'boolean', default: false } },
})
const root = fileURLToPath(new URL('../../../', import.meta.url))
const model = join(root, 'models', 'demo')
const value = async <A>(effect: TE.TaskEither<TrainError, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}

const folder = mkdtempSync(join(tmpdir(), 'durian-workers-'))
const rl = { noise: 0.45, clutter: 12, families: rlFamilies }
const sft = { noise: 0.3, clutter: 8, families: sftFamilies }
const made = { train: rl, validation: rl, test: rl, sft }
await value(
  makeData({ directory: folder, seed: 3, rows: { train: 256, validation: 0, test: 0, sft: 0 }, options: made }),
)
const { rows } = await value(loadDataset(join(folder, 'train.parquet')))
rmSync(folder, { recursive: true })
const processor = await value(loadProcessor(model))
/** Features of 32 pictures as a real encoder makes them: 256 patches of width 1280. */
const features = Array.from({ length: 32 }, (_, index) => ({
  rows: 256,
  cols: 1280,
  data: Float32Array.from(normals({ seed: 2, stream: streams.test, index }, 256 * 1280)),
}))

const counts = [0, 1, 2]
const samples = counts.map(() => ({ encode: [] as number[], entropy: [] as number[] }))
const rounds = Number(values.rounds)
for (let round = 0; round <= rounds; round++)
  for (const [i, num_workers] of counts.entries())
    await value(
      withHostWorkers({ model_name_or_path: model, num_workers }, (workers) => async () => {
        const context = withWorkers({ processor }, workers)
        // the threads have begun, and their code is compiled: in a run they live as long as it does
        await value(encodeRows(context.processor, rows))
        if (workers !== null) await value(workers.entropies(features))
        const began = performance.now()
        await value(encodeRows(context.processor, rows))
        const encoded = performance.now()
        if (workers === null) features.map(visualEntropy)
        else await value(workers.entropies(features))
        const done = performance.now()
        if (round > 0) {
          samples[i]!.encode.push(encoded - began)
          samples[i]!.entropy.push(done - encoded)
        }
        return E.right(null)
      }),
    )

const measured = counts.map((workers, i) => ({
  workers,
  prompts: spreadOf(samples[i]!.encode),
  entropies: spreadOf(samples[i]!.entropy),
}))
const [alone] = measured
for (const { workers, prompts, entropies } of measured)
  process.stdout.write(
    `${workers} workers: 256 prompts with pictures ${prompts.min.toFixed(0)} ms (${(alone!.prompts.min / prompts.min).toFixed(2)}x as fast as without), ` +
      `32 entropies of 256 x 1280 ${entropies.min.toFixed(0)} ms (${(alone!.entropies.min / entropies.min).toFixed(2)}x)\n`,
  )
if (values.save) {
  const report = {
    schema: 1,
    date: new Date().toISOString(),
    environment: environment(),
    work: '256 prompts with pictures of 112 pixels; 32 visual entropies of 256 x 1280 features',
    measured,
  }
  saveReport(`workers-${slug(report.environment.cpu)}`, report)
}

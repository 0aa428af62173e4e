import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { environment } from './environment.ts'
import { agreement, type FreeRun, type Tested } from './freeRunning.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'

/**
 * `node dist/freeRunningMain.js [--seeds 1,2,3] [--steps 24] [--rows 256] [--backends wasm,webgpu] [--save]`: `durian train` of the demo at a tiny
 * size on two backends with the same seeds, each drawing its own tokens, and greedy accuracies on test rows before and after. Minutes on WASM;
 * on a WebGPU adapter that computes on the processor (DURIAN_WEBGPU_ADAPTER=software) tens of minutes. By hand, not a test.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '24' },
    rows: { type: 'string', default: '256' },
    backends: { type: 'string', default: 'wasm,webgpu' },
    save: { type: 'boolean', default: false },
  },
})
const root = join(import.meta.dirname, '..', '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'durian-free-'))
const durian = (...args: ReadonlyArray<string>): void => {
  const command = join(root, 'packages', 'trainer', 'dist', 'cli', 'main.js')
  const { status } = spawnSync(process.execPath, [command, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status === 0) return
  rmSync(folder, { recursive: true })
  process.exit(status ?? 1)
}
const data = join(folder, 'data')
durian('data', 'make', '--out', data, '--train', '512', '--validation', '1', '--test', values.rows, '--seed', '5')

/** 32 rollouts a step: what a software adapter does in 10 to 20 s. */
const settings = [
  'validation_dataset=null',
  `dataset=${join(data, 'train.parquet')}`,
  `test_dataset=${join(data, 'test.parquet')}`,
  `max_steps=${values.steps}`,
  'num_generations=8',
  'generation_batch_size=32',
  'per_device_train_batch_size=32',
  'learning_rate=2e-4',
  'eval_steps=1000',
  'save_steps=1000',
]
const config = join(root, 'examples', 'demo.yaml')
const lines = <A>(file: string): ReadonlyArray<A> =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as A)

const backends = values.backends.split(',')
const descriptions: Record<string, string> = {}
const trained = (backend: string, seed: string): FreeRun => {
  const out = join(folder, `${backend}-${seed}`)
  const began = performance.now()
  durian('train', '--config', config, '--backend', backend, '--seed', seed, '--output_dir', out, ...settings)
  const seconds = (performance.now() - began) / 1000
  const made = JSON.parse(readFileSync(join(out, 'environment.json'), 'utf8')) as { readonly backend: string }
  descriptions[backend] = made.backend
  const tested = lines<Tested & { readonly split: string }>(join(out, 'evaluation.jsonl'))
  const [before, after] = tested.filter(({ split }) => split === 'test')
  const metrics = lines<{ readonly reward?: number }>(join(out, 'metrics.jsonl'))
  return { before: before!, after: after!, seconds, rewards: metrics.flatMap(({ reward }) => reward ?? []) }
}

const runs: unknown[] = []
/** Behind every seed: what is known when the patience ends is kept. */
const save = (): void => {
  const report = {
    schema: 1,
    date: new Date().toISOString(),
    environment: environment(),
    backends: descriptions,
    work: `examples/demo.yaml, ${values.rows} test rows, ${settings.filter((one) => !one.includes('dataset')).join(' ')}`,
    runs,
  }
  saveReport(`free-running-${slug(backends.join(' '))}`, report)
}

const percent = ({ accuracy, interval: [low, high] }: Tested): string =>
  `${(100 * accuracy).toFixed(1)} % [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`
for (const seed of values.seeds.split(',')) {
  const [first, second] = backends.map((backend) => ({ backend, run: trained(backend, seed) }))
  const verdict = agreement(first!.run, second!.run)
  process.stdout.write(
    `seed ${seed}: ${[first!, second!].map(({ backend, run }) => `${backend} ${percent(run.before)} -> ${percent(run.after)}`).join('; ')}; ` +
      `within each other's intervals: ${verdict.after ? 'yes' : 'no'}; answered alike: ${(100 * verdict.answeredAlike).toFixed(1)} %; ` +
      `rewards the same until step ${verdict.firstDifferentStep ?? 'the last'}\n`,
  )
  const short = ({ accuracy, interval }: Tested) => ({ accuracy, interval })
  const kept = [first!, second!].map(({ backend, run: { before, after, rewards, seconds } }) => {
    return [backend, { before: short(before), after: short(after), rewards, seconds }] as const
  })
  runs.push({ seed: Number(seed), ...verdict, runs: Object.fromEntries(kept) })
  if (values.save) save()
}
rmSync(folder, { recursive: true })

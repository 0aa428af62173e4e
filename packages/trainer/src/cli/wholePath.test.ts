import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { demoModel, smallData } from '../train/testing.ts'
import { runProgram } from './program.ts'

const path = (relative: string): string => fileURLToPath(new URL(`../../../../${relative}`, import.meta.url))
const tinyModel = path('packages/trainer/fixtures/qwen2_5_vl_tiny')
const geometry = path('packages/trainer/goldens/parquet/datasets.parquet')
const brevity = path('examples/rewards/brevity.mjs')

let folder = ''
let out = ''
let err = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-whole-'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(() => {
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
})
afterEach(() => {
  process.exitCode = undefined
  vi.restoreAllMocks()
})

/** The exit code of `durian <argv>`. */
const durian = async (...argv: ReadonlyArray<string>): Promise<number> =>
  (await runProgram(argv)) ?? (process.exitCode as number | undefined) ?? 0

const metricsOf = async (run: string): Promise<ReadonlyArray<Readonly<Record<string, number>>>> =>
  (await readFile(join(run, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, number>>)

describe("the whole path of a checkpoint of one's own", () => {
  /** paper-dapo with everything but its sizes as it is. */
  const train = (steps: number, ...more: ReadonlyArray<string>): Promise<number> =>
    durian(
      'train',
      'preset=paper-dapo',
      `model_name_or_path=${tinyModel}`,
      `dataset=${geometry}`,
      `output_dir=${join(folder, 'run')}`,
      'backend=wasm',
      'num_generations=2',
      'generation_batch_size=4',
      'per_device_train_batch_size=2',
      'gradient_accumulation_steps=1',
      'max_completion_length=4',
      'save_steps=1',
      'min_pixels=null',
      'max_pixels=null',
      `reward_funcs=[accuracy_reward, boxed_format_reward, "${brevity}#shortest"]`,
      'reward_weights=[0.8, 0.1, 0.1]',
      `max_steps=${steps}`,
      ...more,
    )

  it('trajectory: a tiny Hub folder and a Geometry3K parquet of datasets train by paper-dapo, resume, are evaluated and exported', async () => {
    expect({ code: await train(2), err }).toMatchObject({ code: 0 })
    expect(err).toContain('12 training rows')
    const first = await metricsOf(join(folder, 'run'))
    expect(first.map(({ step }) => step)).toEqual([1, 2])
    for (const metrics of first) {
      expect(metrics['rewards/accuracy_reward/mean']).toBe(0)
      expect(metrics).toHaveProperty('rewards/shortest/mean')
      expect(metrics['sampling/sampling_logp_difference/max']).toBeLessThan(1e-4)
    }
    expect({ code: await train(3), err }).toMatchObject({ code: 0 })
    expect(err).toMatch(/Continuing from .*checkpoint-2/)
    const resumed = await metricsOf(join(folder, 'run'))
    expect(resumed.map(({ step }) => step)).toEqual([1, 2, 3])
    expect(resumed.slice(0, 2)).toEqual(first)
    out = ''
    const model = join(folder, 'run', 'checkpoint-3')
    const flags = ['--num_generations', '2', '--max_completion_length', '4', '--backend', 'wasm', '--samples', '4']
    expect({ code: await durian('eval', '--model', model, '--data', geometry, ...flags), err }).toMatchObject({
      code: 0,
    })
    const report = JSON.parse(out) as { rows: number; greedy: { accuracy: number }; sampled: Record<string, unknown> }
    expect(report).toMatchObject({ rows: 4, greedy: { accuracy: 0 } })
    expect(report.sampled).toHaveProperty('pass@2')
    const exported = join(folder, 'exported')
    expect({ code: await durian('export', '--run', join(folder, 'run'), '--out', exported), err }).toMatchObject({
      code: 0,
    })
    out = ''
    expect(await durian('eval', '--model', exported, '--data', geometry, ...flags)).toBe(0)
    expect(JSON.parse(out)).toEqual({ ...report, model: exported })
  })
})

describe('examples/own-reward.yaml', () => {
  it('trajectory: trains on rewards of its own file', async () => {
    const data = await smallData()
    const config = (await readFile(path('examples/own-reward.yaml'), 'utf8')).replaceAll(
      './examples/',
      `${path('examples')}/`,
    )
    await writeFile(join(folder, 'own.yaml'), config)
    const code = await durian(
      'train',
      '--config',
      join(folder, 'own.yaml'),
      `model_name_or_path=${demoModel}`,
      `dataset=${join(data, 'train.parquet')}`,
      'validation_dataset=null',
      `output_dir=${join(folder, 'own')}`,
      'backend=wasm',
      'max_steps=2',
      'generation_batch_size=32',
      'per_device_train_batch_size=32',
      'warmup_steps=0',
    )
    expect({ code, err }).toMatchObject({ code: 0 })
    for (const metrics of await metricsOf(join(folder, 'own'))) {
      const part = (name: string): number => metrics[`rewards/${name}/mean`]!
      expect(part('brevity')).toBeGreaterThan(0)
      expect(metrics['reward']).toBeCloseTo(
        0.8 * part('accuracy_reward') + 0.1 * part('brevity') + 0.1 * part('shortest'),
        9,
      )
    }
    await rm(data, { recursive: true })
  })
})

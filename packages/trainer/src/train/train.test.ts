import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openNodeBackend } from '@durian/backend-node'
import { either as E } from 'fp-ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { readSafetensors } from '../io/safetensors.ts'
import { CHECKPOINT_STATE, listCheckpoints } from './checkpoint.ts'
import { prepare } from './prepare.ts'
import { quietHooks, runTraining, smallConfig, smallData, value } from './testing.ts'
import { findResume } from './resume.ts'
import { train } from './train.ts'

let data: string
beforeAll(async () => {
  data = await smallData()
})

const bytes = (directory: string, step: number, file: string) => readFile(join(directory, `checkpoint-${step}`, file))
const isTiming = (key: string) => key === 'step_time' || key.startsWith('timing_s/') || key.startsWith('perf/')
/** metrics.jsonl without what may depend on time, as text: byte equality is the claim. */
const untimed = async (directory: string): Promise<string> =>
  (await readFile(join(directory, 'metrics.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).filter(([key]) => !isTiming(key)))),
    )
    .join('\n')

describe('a run', () => {
  it('trajectory: two runs with one seed write the same metrics, completions and weights, byte for byte', async () => {
    const first = await smallConfig(data, 'first')
    const second = await smallConfig(data, 'second')
    await runTraining(first)
    await runTraining(second)
    expect(await untimed(first.output_dir)).toBe(await untimed(second.output_dir))
    expect((await untimed(first.output_dir)).split('\n')).toHaveLength(5) // step 0 (evaluation) and 4 steps
    for (const log of ['completions.jsonl', 'evaluation.jsonl'])
      expect(await readFile(join(first.output_dir, log), 'utf8')).toBe(
        await readFile(join(second.output_dir, log), 'utf8'),
      )
    for (const file of ['model.safetensors', 'optimizer.safetensors'])
      expect((await bytes(first.output_dir, 4, file)).equals(await bytes(second.output_dir, 4, file))).toBe(true)
    expect(
      (await bytes(first.output_dir, 4, 'model.safetensors')).equals(
        await bytes(first.output_dir, 2, 'model.safetensors'),
      ),
    ).toBe(false)
  })

  it('trajectory: a run killed after step 3 goes on from checkpoint 2 to the same bytes as one that was not', async () => {
    const whole = await smallConfig(data, 'whole')
    const killed = await smallConfig(data, 'killed')
    await runTraining(whole)
    const died = new Error('killed')
    await expect(
      runTraining(killed, {
        onStep: ({ step }) => {
          if (step === 3) throw died
        },
      }),
    ).rejects.toBe(died)
    expect((await untimed(killed.output_dir)).split('\n')).toHaveLength(4) // step 3 was logged and will be cut back
    await runTraining(killed)
    expect(await untimed(killed.output_dir)).toBe(await untimed(whole.output_dir))
    for (const file of ['model.safetensors', 'optimizer.safetensors'])
      expect((await bytes(killed.output_dir, 4, file)).equals(await bytes(whole.output_dir, 4, file))).toBe(true)
  })

  it('says that it is complete when it is run again, and a larger max_steps continues it', async () => {
    const config = await smallConfig(data, 'again', ['max_steps=2'])
    const once = await runTraining(config)
    const twice = await runTraining(config)
    expect(once.alreadyComplete).toBe(false)
    expect(twice).toEqual({ ...once, alreadyComplete: true })
    const longer = await runTraining(await smallConfig(data, 'again', ['max_steps=3']))
    expect(longer).toMatchObject({ step: 3, alreadyComplete: false })
  })

  it('refuses to continue under another seed, naming the key', async () => {
    await runTraining(await smallConfig(data, 'seeded', ['max_steps=2']))
    const other = await findResume(await smallConfig(data, 'seeded', ['seed=4', 'max_steps=4']))()
    expect(E.isLeft(other) && other.left).toMatchObject({
      _tag: 'BadInput',
      message: expect.stringContaining('seed') as string,
    })
  })

  it('continues a run from before a key existed, which had its default then', async () => {
    const config = await smallConfig(data, 'older', ['max_steps=2'])
    await runTraining(config)
    const file = join((await listCheckpoints(config.output_dir)).at(-1)!, CHECKPOINT_STATE)
    const state = JSON.parse(await readFile(file, 'utf8')) as { readonly config: Record<string, unknown> }
    expect(delete state.config['precision']).toBe(true)
    await writeFile(file, JSON.stringify(state))
    expect((await value(findResume(config)))?.state.step).toBe(2)
    const other = await findResume({ ...config, precision: 'mixed' })()
    expect(E.isLeft(other) && other.left).toMatchObject({ message: expect.stringContaining('precision') as string })
  })

  it('saves and ends with Interrupted when asked to stop', async () => {
    const config = await smallConfig(data, 'stopped', ['save_steps=100'])
    const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
    let steps = 0
    const hooks = { ...quietHooks, onStep: () => void steps++, interrupted: () => steps >= 3 }
    const stopped = await train(backend, await value(prepare(config)), hooks)(null)()
    expect(E.isLeft(stopped) && stopped.left).toMatchObject({ _tag: 'Interrupted' })
    expect((await value(findResume(config)))?.state.step).toBe(3)
  })
})

describe('variants of a step', () => {
  const all = { vision: true, text: true }
  const variants: ReadonlyArray<
    readonly [string, ReadonlyArray<string>, { readonly vision: boolean; readonly text: boolean }]
  > = [
    [
      'several updates per rollout batch, with a reference policy',
      ['per_device_train_batch_size=8', 'num_iterations=2', 'beta=0.04'],
      all,
    ],
    [
      'dynamic sampling with few extra rounds',
      ['dynamic_sampling.enabled=true', 'dynamic_sampling.max_resample_times=1'],
      all,
    ],
    [
      'a step whose completions are all cut off and masked moves nothing',
      ['mask_truncated_completions=true', 'max_completion_length=3'],
      { vision: false, text: false },
    ],
    ['a punishment of long completions', ['soft_overlong.enabled=true', 'max_completion_length=32'], all],
    [
      'a frozen vision tower and a cosine schedule',
      ['freeze_vision_tower=true', 'lr_scheduler_type=cosine', 'warmup_steps=1'],
      { vision: false, text: true },
    ],
  ]
  for (const [name, overrides, moves] of variants)
    it(`trajectory: ${name}`, async () => {
      const config = await smallConfig(data, name.replaceAll(' ', '-'), ['max_steps=2', ...overrides])
      await runTraining(config)
      const lines = (await untimed(config.output_dir))
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, number>)
      expect(lines.map((line) => line['step'])).toEqual([0, 1, 2])
      expect(lines[2]!['grad_norm']).toBeGreaterThanOrEqual(0)
      if (config.beta > 0) expect(lines[2]!['kl']).toBeGreaterThan(0)
      const weightsAt = async (step: number) =>
        value(readSafetensors(join(config.output_dir, `checkpoint-${step}`, 'model.safetensors')))
      const [start, end] = [await weightsAt(0), await weightsAt(2)]
      const moved = Object.keys(start).filter(
        (key) => !Buffer.from(start[key]!.data.buffer).equals(Buffer.from(end[key]!.data.buffer)),
      )
      expect(moved.some((key) => key.startsWith('visual.'))).toBe(moves.vision)
      expect(moved.some((key) => key.startsWith('model.'))).toBe(moves.text)
    })

  it('law: the update does not depend on the micro-batch size (float32: relative 1e-4 of the weights moved)', async () => {
    const one = await smallConfig(data, 'micro-16', ['max_steps=1'])
    const four = await smallConfig(data, 'micro-4', [
      'max_steps=1',
      'per_device_train_batch_size=4',
      'gradient_accumulation_steps=4',
    ])
    await runTraining(one)
    await runTraining(four)
    const norms = await Promise.all(
      [one, four].map(
        async (config) => JSON.parse((await untimed(config.output_dir)).split('\n')[1]!) as Record<string, number>,
      ),
    )
    expect(norms[0]!['grad_norm']).toBeGreaterThan(0)
    expect(Math.abs(norms[1]!['grad_norm']! / norms[0]!['grad_norm']! - 1)).toBeLessThan(1e-4)
    expect(Math.abs(norms[1]!['loss']! - norms[0]!['loss']!)).toBeLessThan(1e-6)
  })
})

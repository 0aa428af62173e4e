import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runTraining, smallConfig, smallData } from './testing.ts'

const isTiming = (key: string) => key === 'step_time' || key.startsWith('timing_s/') || key.startsWith('perf/')
const metrics = async (directory: string): Promise<ReadonlyArray<Record<string, number>>> =>
  (await readFile(join(directory, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map(
      (line) =>
        Object.fromEntries(Object.entries(JSON.parse(line) as object).filter(([key]) => !isTiming(key))) as Record<
          string,
          number
        >,
    )

it('trajectory: an adaptive penalty in the reward and a window of scores survive a kill, bit for bit', async () => {
  const data = await smallData()
  const keys = [
    'max_steps=3',
    'save_steps=1',
    'validation_dataset=null',
    'test_dataset=null',
    'beta=0.05',
    'kl.placement=reward',
    'kl.estimator=k3',
    'kl.target=0.001',
    'kl.horizon=100',
    'durian.window=2',
    'durian.reasoning_groups=2',
    'dynamic_sampling.enabled=true',
    'dynamic_sampling.filter=mean_reward',
    'dynamic_sampling.filter_low=-1',
    'dynamic_sampling.filter_high=0.15',
    'dynamic_sampling.max_resample_times=1',
  ]
  const whole = await smallConfig(data, 'whole', keys)
  const killed = await smallConfig(data, 'killed', keys)
  await runTraining(whole)
  await expect(
    runTraining(killed, {
      onStep: ({ step }) => {
        if (step === 3) throw new Error('killed')
      },
    }),
  ).rejects.toThrow('killed')
  await runTraining(killed)
  const expected = await metrics(whole.output_dir)
  expect(await metrics(killed.output_dir)).toEqual(expected)
  const weights = (directory: string) => readFile(join(directory, 'checkpoint-3', 'model.safetensors'))
  expect((await weights(killed.output_dir)).equals(await weights(whole.output_dir))).toBe(true)

  const [first, second, third] = expected as [Record<string, number>, Record<string, number>, Record<string, number>]
  expect(first['kl']).toBeLessThan(1e-6) // the policy is its own reference before the first update
  expect(second['kl']).toBeGreaterThan(1e-5)
  expect(first['kl_coef']).toBe(0.05)
  const kept = first['durian/prompts_drawn']! - first['durian/dropped/outside']!
  expect(kept).toBeGreaterThan(0)
  expect(second['kl_coef']).toBeCloseTo(0.05 * (1 - (0.2 * 4 * kept) / 100), 12)
  expect(third['kl_coef']).not.toBe(second['kl_coef'])
  // Edges over the scores of two steps are not those of one.
  const narrow = await smallConfig(data, 'narrow', [
    ...keys.filter((key) => !key.startsWith('durian.window')),
    'max_steps=2',
  ])
  await runTraining(narrow)
  const [, alone] = await metrics(narrow.output_dir)
  expect(alone!['durian/reasoning/mean']).toBe(second['durian/reasoning/mean'])
  expect(alone!['durian/reasoning/edge_0']).not.toBe(second['durian/reasoning/edge_0'])
})

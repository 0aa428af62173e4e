import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { readJsonl } from '../run/jsonl.ts'
import { undocumentedMetrics } from '../run/metricTable.ts'
import { must } from '../testing/madeUpRun.ts'
import { runTraining, smallConfig, smallData } from '../train/testing.ts'
import { writeReport } from './writeReport.ts'

let folder = ''
beforeAll(async () => {
  const data = await smallData()
  const config = await smallConfig(data, 'documented', [
    'max_steps=2',
    'beta=0.01',
    'dynamic_sampling.enabled=true',
    'soft_overlong.enabled=true',
    'from_scratch=true',
    `sft.dataset=${join(data, 'sft.parquet')}`,
    'sft.max_steps=2',
    'sft.batch_size=8',
    'sft.check_samples=8',
    'sft.habit_steps=1',
  ])
  await runTraining(config)
  folder = config.output_dir
})

describe('a real run', () => {
  it('logs no key that docs/metrics.md does not describe', async () => {
    const lines = await must(readJsonl(join(folder, 'metrics.jsonl')))
    const keys = lines.flatMap((line) => Object.keys(line as object))
    expect(keys.length).toBeGreaterThan(50)
    expect(undocumentedMetrics(keys)).toEqual([])
  })

  it('can be reported', async () => {
    const out = join(folder, 'report.html')
    await must(writeReport([folder], out))
    const page = await readFile(out, 'utf8')
    for (const words of ['Accuracy before and after', 'Cold start', 'Rollouts']) expect(page.includes(words)).toBe(true)
    expect([...page.matchAll(/.{0,60}\b(NaN|undefined)\b.{0,60}/g)].map(([found]) => found)).toEqual([])
  })
})

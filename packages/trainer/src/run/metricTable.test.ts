import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { metricRow, metricsMarkdown, metricTable, undocumentedMetrics } from './metricTable.ts'

describe('metricTable', () => {
  it('finds the row of a key with a name or a number in it', () => {
    expect(metricRow('rewards/accuracy_reward/mean')?.unit).toBe('reward units')
    expect(metricRow('durian/reasoning/bucket_11/count')?.unit).toBe('prompts')
    expect(metricRow('durian/mass/dr_grpo/one_wrong')?.name).toBe('durian/mass/<estimator>/<kind>')
  })
  it('knows no key by accident', () => {
    expect(undocumentedMetrics(['loss', 'losses', 'xloss', 'rewards/a/b/mean', 'durian/perceptual/edge_mid'])).toEqual([
      'losses',
      'xloss',
      'rewards/a/b/mean',
      'durian/perceptual/edge_mid',
    ])
  })
  it('names every key once', () => {
    expect(new Set(metricTable.map(({ name }) => name)).size).toBe(metricTable.length)
  })
  it('docs/metrics.md is the table (run vitest -u after a change)', async () => {
    const file = fileURLToPath(new URL('../../../../docs/metrics.md', import.meta.url))
    await expect(metricsMarkdown()).toMatchFileSnapshot(file)
  })
})

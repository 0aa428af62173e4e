import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openNumPy, type NumPy } from './peers/numpy.ts'
import { advantageCases } from './suites/advantages.ts'
import { entropyCases } from './suites/entropy.ts'

describe('the core suite', () => {
  it('times the estimators on the batch of the paper, 512 prompts of 8 rollouts', async () => {
    const cases = advantageCases()
    expect(cases.map(({ name }) => name)).toEqual(['advantages, durian', 'advantages, grpo', 'advantages, batch'])
    for (const one of cases) {
      expect(one.work?.count()).toBe(512 * 8)
      await one.subjects[0].once()
    }
  })

  it('refuses to time a peer that computes something else', async () => {
    const wrong: NumPy = {
      versions: {},
      keep: async () => {},
      time: async () => ({ ms: 1, value: 1 }),
      close: () => {},
    }
    await expect(entropyCases(wrong)).rejects.toThrow('a time for different results means nothing')
  })
})

describe('the NumPy peer', () => {
  it('is null where there is no Python, or a Python without NumPy', async () => {
    expect(await openNumPy('/no/such/python')).toBeNull()
    const broken = join(mkdtempSync(join(tmpdir(), 'durian-bench-')), 'python')
    writeFileSync(broken, '#!/bin/sh\necho no numpy >&2\nexit 1\n')
    chmodSync(broken, 0o755)
    expect(await openNumPy(broken)).toBeNull()
  })
})

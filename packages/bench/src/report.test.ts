import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { environment } from './environment.ts'
import type { Result } from './harness.ts'
import { type Report, reportName, saveReport, slug } from './report.ts'
import { table } from './table.ts'

const timing = (by: string, median: number) => ({
  by,
  repeats: 1,
  samples: 1,
  median,
  low: median,
  high: median,
  min: median,
})
const result: Result = {
  suite: 'core',
  name: 'eigenvalues',
  size: '64 x 64',
  timings: [timing('durian', 3), timing('numpy', 2)],
  rate: { value: 1234.56, unit: 'rollouts/s' },
  ratios: { numpy: 1.5 },
  fastestRatios: { numpy: 1.25 },
}
const report: Report = {
  schema: 1,
  date: '2026-01-02T03:04:05.000Z',
  environment: { ...environment(), cpu: 'Intel(R) Xeon(R) CPU @ 2.20GHz' },
  backends: {},
  peers: {},
  results: [result],
}

describe('a saved report', () => {
  it('is named by date and device', () => {
    expect(slug('AMD EPYC™ 7B13 (64 cores)')).toBe('amd-epyc-7b13-64-cores')
    expect(reportName(report)).toBe('2026-01-02-intel-xeon-cpu-2-20ghz.json')
    expect(reportName({ ...report, backends: { tensorflow: 'tfjs-node-gpu 4.22.0, CUDA' } })).toMatch(/-gpu\.json$/)
  })

  it('holds the environment and reads back as it was', () => {
    const file = saveReport(report, join(mkdtempSync(join(tmpdir(), 'durian-bench-')), 'results'))
    expect(basename(file)).toBe(reportName(report))
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(report)
  })
})

describe('the environment', () => {
  it('names processor, cores and Node, and the commit as a hash with a mark for changes', () => {
    const here = environment()
    expect(here.node).toBe(process.versions.node)
    expect(here.cores).toBeGreaterThan(0)
    expect(here.cpu).not.toBe('')
    expect(here.commit ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}\+?$/)
  })
})

describe('the table', () => {
  it('shows median, rate and ratio in one row', () => {
    const row = table([result]).split('\n').at(-1)!
    expect(row).toMatch(
      /^core\s+eigenvalues\s+64 x 64\s+3\.00\s+3\.00 - 3\.00\s+1,235 rollouts\/s\s+numpy 2\.00 \(1\.50x, 1\.25x\)$/,
    )
  })
})

import { describe, expect, it } from 'vitest'
import { isNetworkFailure, lastError, withRetries } from '../lib/pnpm.mjs'
import { summary } from '../lib/testSummary.mjs'

describe('the count at the end of npm test', () => {
  const green = { passed: 3, failed: [], skipped: [] }

  it('adds up the packages and ends with the one line', () => {
    const report = { passed: 2, failed: [{ name: 'a', reason: 'b' }], skipped: [{ name: 'c', reason: 'no GPU' }] }
    const { lines, failed } = summary([
      { where: 'packages/x', report: green },
      { where: 'packages/y', report },
    ])
    expect(failed).toBe(1)
    expect(lines).toEqual(['FAILED packages/y/a: b', 'skipped packages/y/c: no GPU', '5 passed, 1 failed, 1 skipped'])
  })

  it('counts a package that did not report as a failure', () => {
    const { lines, failed } = summary([{ where: 'packages/x', report: green }, { where: 'packages/y' }])
    expect(failed).toBe(1)
    expect(lines.at(-1)).toBe('3 passed, 1 failed, 0 skipped')
  })
})

describe('installing', () => {
  it('tells a network that is down from a package that is wrong', () => {
    expect(
      isNetworkFailure('npm error code ENOTFOUND\nnpm error request to https://registry.npmjs.org/pnpm failed'),
    ).toBe(true)
    expect(isNetworkFailure('error sending request for url (https://registry.npmjs.org/turbo)')).toBe(true)
    expect(isNetworkFailure('ERR_PNPM_FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE')).toBe(false)
  })

  it('quotes the line that names the fault', () => {
    expect(lastError('npm warn x\nnpm error code ENOTFOUND\nnpm error A complete log of this run')).toBe(
      'code ENOTFOUND',
    )
    expect(lastError('Error: ERR_PNPM_X\n\n  × installing dependencies\n  ╰─▶ Ignored build scripts\n')).toBe(
      'Ignored build scripts',
    )
  })

  it('tries three times when the network fails and once when something else does', async () => {
    const attempts = async (results) => {
      let count = 0
      const last = await withRetries(async () => results[count++], [1, 1])
      return { count, code: last.code }
    }
    const down = { code: 1, text: 'ECONNREFUSED' }
    expect(await attempts([down, down, { code: 0, text: '' }])).toEqual({ count: 3, code: 0 })
    expect(await attempts([down, down, down])).toEqual({ count: 3, code: 1 })
    expect(await attempts([{ code: 1, text: 'bad lockfile' }])).toEqual({ count: 1, code: 1 })
  })
})

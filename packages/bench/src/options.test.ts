import { describe, expect, it } from 'vitest'
import { parseOptions, UsageError } from './options.ts'

describe('the command line', () => {
  it('runs everything without flags, and saves nothing', () => {
    expect(parseOptions([])).toEqual({
      suites: ['core', 'policy'],
      backends: ['tensorflow', 'wasm'],
      rounds: 9,
      save: false,
      json: false,
    })
  })

  it('takes suites and backends by name', () => {
    const options = parseOptions(['--suite', 'policy', '--backend=wasm', '--rounds', '3', '--save'])
    expect(options).toMatchObject({ suites: ['policy'], backends: ['wasm'], rounds: 3, save: true })
  })

  it.each([
    [['--suite', 'gpu'], '--suite gpu'],
    [['--backend', 'webgl'], '--backend webgl'],
    [['--rounds', '0'], '--rounds 0'],
    [['--rounds', 'many'], '--rounds many'],
    [['--colour'], '--colour'],
  ])('refuses %j in a sentence that names the flag', (args, named) => {
    expect(() => parseOptions(args)).toThrow(UsageError)
    expect(() => parseOptions(args)).toThrow(named)
  })
})

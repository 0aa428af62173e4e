import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { withKeyFlags } from './configFlags.ts'
import { runProgram, withUnderscores } from './program.ts'

let out = ''
let err = ''
beforeEach(() => {
  out = ''
  err = ''
  const capture = (add: (text: string) => void) => (chunk: unknown) => {
    add(String(chunk))
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(capture((text) => (out += text)))
  vi.spyOn(process.stderr, 'write').mockImplementation(capture((text) => (err += text)))
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

describe('runProgram', () => {
  it('shows every command without loading one', async () => {
    expect(await runProgram(['--help'])).toBe(0)
    for (const name of ['train', 'eval', 'advantages', 'entropy', 'analyze', 'report', 'data', 'doctor|env'])
      expect(out).toContain(`  ${name} `)
    expect(await runProgram([])).toBe(0)
    expect(await runProgram(['--version'])).toBe(0)
  })

  it('answers a misspelt command or flag with one sentence, the likely meaning, and exit code 2', async () => {
    expect(await runProgram(['analize', 'x'])).toBe(2)
    expect(err).toBe("Unknown command 'analize' (did you mean analyze?).\n")
    err = ''
    expect(await runProgram(['analyze', 'x', '--jsn'])).toBe(2)
    expect(err).toBe("Unknown option '--jsn' (did you mean --json?).\n")
    err = ''
    expect(await runProgram(['analyze'])).toBe(2)
    expect(err).toBe("Missing required argument 'run or rollouts'.\n")
    expect(out).toBe('')
  })

  it('turns a Left into its sentence and exit code 2, without a stack trace', async () => {
    expect(await runProgram(['report', '/nowhere/at/all'])).toBeUndefined()
    expect(process.exitCode).toBe(2)
    expect(err).toBe(
      '/nowhere/at/all is not a run folder: it has no config.yaml; give the output_dir of a training run.\n',
    )
  })

  it('shows the help of one command, also through its alias', async () => {
    expect(await runProgram(['help', 'report'])).toBe(0)
    expect(out).toContain('--out <file>')
    out = ''
    expect(await runProgram(['train', '--help'])).toBe(0)
    expect(out).toContain('durian.reasoning_groups=12\n')
    out = ''
    expect(await runProgram(['env', '--help'])).toBe(0)
    expect(out).toContain('Usage: durian doctor|env')
  })
})

describe('arguments', () => {
  it('take dashes for underscores in flags, not in values', () => {
    expect(withUnderscores(['--output-dir', 'my-run', '--a-b=c-d', '--', '--e-f'])).toEqual([
      '--output_dir',
      'my-run',
      '--a_b=c-d',
      '--',
      '--e-f',
    ])
  })

  it('take keys of the configuration as flags, unknown ones too, so that the nearest key can be named', () => {
    const given = [
      'train',
      '--num_generations',
      '4',
      '--durian.weights=[1,0,0]',
      '--freeze_vision_tower',
      '--seed',
      '7',
      'beta=0',
    ]
    expect(withKeyFlags(given)).toEqual([
      'train',
      'num_generations=4',
      'durian.weights=[1,0,0]',
      'freeze_vision_tower=true',
      '--seed',
      '7',
      'beta=0',
    ])
    expect(withKeyFlags(['--freeze_vision_tower', 'false', '--epsiln', '1', '--config', 'a.yaml', '--debug'])).toEqual([
      'freeze_vision_tower=false',
      'epsiln=1',
      '--config',
      'a.yaml',
      '--debug',
    ])
  })

  it('name the nearest key of a misspelt flag of train', async () => {
    await runProgram(['train', '--epsiln', '0.1'])
    expect(process.exitCode).toBe(2)
    expect(err).toBe("command line: unknown key 'epsiln' (did you mean 'epsilon'?).\n")
  })
})

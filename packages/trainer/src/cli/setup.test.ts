import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { setupLines, setupOptionsOf, withLibraryVersion } from './setup.ts'

describe('durian setup tensorflow', () => {
  it('golden: --version behind it is the version of the library', () => {
    expect(withLibraryVersion(['setup', 'tensorflow', '--version', '2.20.0'])).toEqual([
      'setup',
      'tensorflow',
      '--library_version',
      '2.20.0',
    ])
    expect(withLibraryVersion(['setup', '--version=2.20.0'])).toEqual(['setup', '--library_version=2.20.0'])
    expect(withLibraryVersion(['setup', '--version'])).toEqual(['setup', '--version'])
  })

  it('golden: flags become options', () => {
    expect(setupOptionsOf({ cuda: true, library_version: '2.20.0', dir: 'd' })).toEqual(
      E.right({ variant: 'cuda', version: '2.20.0', dir: 'd', wheel: null }),
    )
    expect(setupOptionsOf({})).toEqual(E.right({ variant: 'cpu', version: null, dir: null, wheel: null }))
  })

  it('refuses a version that is none and a version beside a wheel', () => {
    expect(setupOptionsOf({ library_version: 'newest' })).toEqual(
      E.left({ _tag: 'BadInput', message: '--version takes a release of TensorFlow, 2.21.0 say, not "newest".' }),
    )
    expect(E.isLeft(setupOptionsOf({ library_version: '2.20.0', wheel: 'x.whl' }))).toBe(true)
  })

  it('golden: ends with the backend, the folder, and how a folder of its own is found', () => {
    const result = {
      folder: '/d/2.21.0-cpu/node_modules/@tensorflow/tfjs-node',
      home: '/d',
      manifest: {
        variant: 'cpu' as const,
        source: 'wheel' as const,
        tfjsNode: '4.22.0',
        tensorflow: '2.21.0',
        wheel: null,
        sha256: null,
      },
      description: 'tfjs-node 4.22.0, libtensorflow 2.21.0, CPU',
      kept: false,
      log: '/d/setup.log',
    }
    expect(setupLines(result, '/d')).toContain('set DURIAN_TENSORFLOW_DIR=/d')
    expect(setupLines(result, null)).not.toContain('DURIAN_TENSORFLOW_DIR')
    expect(setupLines({ ...result, kept: true }, null)).toMatch(
      /^TensorFlow was set up before and passes its self-test/,
    )
  })
})

import { describe, expect, it } from 'vitest'
import type { IndexFile } from './packageIndex.ts'
import { chooseWheel, parseWheelName, requirementsOf, satisfies, tensorflowProject } from './wheel.ts'

const files: ReadonlyArray<IndexFile> = [
  'tensorflow_cpu-2.21.0-cp313-cp313-manylinux_2_27_x86_64.whl',
  'tensorflow_cpu-2.21.0-cp310-cp310-manylinux_2_27_x86_64.whl',
  'tensorflow_cpu-2.21.0-cp310-cp310-win_amd64.whl',
  'tensorflow_cpu-2.20.0-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  'tensorflow_cpu-2.22.0rc0-cp310-cp310-manylinux_2_27_x86_64.whl',
  'tensorflow-2.21.0-cp310-cp310-manylinux_2_27_aarch64.whl',
  'tensorflow_cpu-2.9.0-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  'tensorflow-2.21.0.tar.gz',
].map((filename) => ({ filename, url: `https://files.test/${filename}`, sha256: null }))

const chosen = (specifier: string, arch = 'x64'): string =>
  chooseWheel(files, { project: 'tensorflow-cpu', specifier, arch }).filename

describe('wheels', () => {
  it('golden: names are taken apart from behind', () => {
    expect(parseWheelName('a_b-1.0-1-py3-none-manylinux_2_27_x86_64.whl')).toEqual({
      project: 'a_b',
      version: '1.0',
      python: 'py3',
      platform: 'manylinux_2_27_x86_64',
    })
    expect(parseWheelName('a-1.0.tar.gz')).toBeNull()
  })

  it('golden: the newest release for this processor, of the oldest Python', () => {
    expect(chosen('==2.21.0')).toBe('tensorflow_cpu-2.21.0-cp310-cp310-manylinux_2_27_x86_64.whl')
    expect(chosen('>=2.0,<2.21')).toBe('tensorflow_cpu-2.20.0-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl')
    expect(chosen('==2.21.0', 'arm64')).toBe('tensorflow-2.21.0-cp310-cp310-manylinux_2_27_aarch64.whl')
    expect(() => chosen('==2.22.0')).toThrow(/no wheel of tensorflow-cpu==2\.22\.0 for Linux on x86_64.*--version/)
  })

  it('golden: specifiers compare numbers, not text', () => {
    expect(satisfies('12.10.1', '>=12.5.3.2,<13.0')).toBe(true)
    expect(satisfies('13.0.0', '<13.0,>=12.5.82')).toBe(false)
    expect(satisfies('9.3.0.75', '<10.0, >=9.3.0.75')).toBe(true)
    expect(satisfies('1.0', '==1.0.0')).toBe(true)
    expect(satisfies('1.0', '!=1.0')).toBe(false)
    expect(satisfies('1.0', '<=0.9')).toBe(false)
    expect(satisfies('1.1', '>1.0')).toBe(true)
    expect(satisfies('1.0', '~=1.0')).toBe(false)
    expect(satisfies('2.0rc1', '>=1')).toBe(false)
  })

  it('golden: what the CUDA extra of TensorFlow asks for', () => {
    const metadata = [
      'Requires-Dist: numpy>=1.26.0',
      'Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.3.0.75; extra == "and-cuda"',
      'Requires-Dist: x>=1; (sys_platform != "win32") and extra == "gcs-filesystem"',
      'Requires-Dist: nvidia-nccl-cu12 (<3.0,>=2.27.7) ; extra == "and-cuda"',
    ].join('\n')
    expect(requirementsOf(metadata, 'and-cuda')).toEqual([
      { project: 'nvidia-cudnn-cu12', specifier: '<10.0,>=9.3.0.75' },
      { project: 'nvidia-nccl-cu12', specifier: '<3.0,>=2.27.7' },
    ])
  })

  it('golden: the project by variant and processor', () => {
    expect(tensorflowProject('cpu', 'x64')).toBe('tensorflow-cpu')
    expect(tensorflowProject('cuda', 'x64')).toBe('tensorflow')
    expect(tensorflowProject('cpu', 'arm64')).toBe('tensorflow')
  })
})

import { describe, expect, it } from 'vitest'
import { compileArguments, findCompiler } from './compile.ts'
import { refusalOf, spaceRefusal, thisMachine, type Machine } from './platform.ts'

const linux: Machine = { platform: 'linux', arch: 'x64', node: '22.1.0', glibc: '2.36' }

describe('what a machine must have', () => {
  it('golden: accepts Linux with glibc on x64, on ARM without CUDA', () => {
    expect(refusalOf(linux, 'cpu')).toBeNull()
    expect(refusalOf(linux, 'cuda')).toBeNull()
    expect(refusalOf({ ...linux, arch: 'arm64' }, 'cpu')).toBeNull()
  })

  it.each<[Partial<Machine>, 'cpu' | 'cuda', RegExp]>([
    [{ platform: 'darwin' }, 'cpu', /Linux only and this is darwin; use WSL .* wasm/],
    [{ arch: 'arm64' }, 'cuda', /no TensorFlow library with CUDA for arm64; train on wasm/],
    [{ arch: 'riscv64' }, 'cpu', /no TensorFlow library for riscv64/],
    [{ glibc: null }, 'cpu', /musl.*Debian/],
    [{ glibc: '2.17' }, 'cpu', /glibc 2\.27 or newer and this is 2\.17/],
    [{ node: '20.9.0' }, 'cpu', /Node 20\.11 or newer and this is 20\.9\.0/],
    [{ node: '18.20.0' }, 'cpu', /Node 20\.11/],
  ])('golden: refuses %j for %s in one sentence with the mend', (part, variant, sentence) => {
    expect(refusalOf({ ...linux, ...part }, variant)).toMatch(sentence)
  })

  it('golden: says how much space is missing and where', () => {
    expect(spaceRefusal(2e9, 'cpu', '/x')).toBeNull()
    expect(spaceRefusal(2e9, 'cuda', '/x')).toBe(
      '/x has 2.0 GB free and TensorFlow needs 9.0 GB; free some, or name another folder with --dir.',
    )
  })

  it('golden: takes CXX before the compilers on PATH, and none where there is none', () => {
    expect(findCompiler({ CXX: 'my-c++', PATH: '' })).toBe('my-c++')
    expect(findCompiler({ PATH: '/no/such/folder' })).toBeNull()
  })

  it('golden: links exactly the libraries that are there, with a search path relative to the addon', () => {
    const line = compileArguments(['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']).join(' ')
    expect(line).toContain('-l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2')
    expect(line).toContain('-Wl,-rpath,$ORIGIN/../../deps/lib')
  })

  it('reads this machine', () => {
    const { platform, node } = thisMachine()
    expect([platform, node]).toEqual([process.platform, process.versions.node])
  })
})

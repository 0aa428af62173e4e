import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeZip } from './testing.ts'
import { readMember, unzip } from './unzip.ts'
import { cudaMember, tensorflowMember } from './wheel.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-unzip-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = async (members: Readonly<Record<string, string>>): Promise<string> => {
  const archive = join(folder, 'a.whl')
  await writeFile(archive, makeZip(members))
  return archive
}

describe('unzip', () => {
  it("golden: takes TensorFlow's two libraries and the headers out of a wheel and nothing else", async () => {
    const archive = await write({
      'tensorflow/libtensorflow_cc.so.2': 'cc '.repeat(5000),
      'tensorflow/libtensorflow_framework.so.2': 'framework',
      'tensorflow/python/_pywrap.so': 'python',
      'tensorflow/include/tensorflow/c/': '',
      'tensorflow/include/tensorflow/c/c_api.h': '#pragma once',
      'tensorflow/include/tensorflow/compiler/x.h': 'not needed',
      'tensorflow/include/tsl/platform/empty.h': '',
    })
    const to = join(folder, 'deps')
    expect(await unzip({ archive, to, place: tensorflowMember })).toEqual([
      'lib/libtensorflow_cc.so.2',
      'lib/libtensorflow_framework.so.2',
      'include/tensorflow/c/c_api.h',
      'include/tsl/platform/empty.h',
    ])
    expect(await readFile(join(to, 'lib', 'libtensorflow_cc.so.2'), 'utf8')).toBe('cc '.repeat(5000))
    expect(await readFile(join(to, 'include', 'tsl', 'platform', 'empty.h'), 'utf8')).toBe('')
    expect((await readdir(join(to, 'lib'))).sort()).toEqual(['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'])
  })

  it('golden: reads one member, stored or deflated', async () => {
    const archive = await write({ 'a.dist-info/METADATA': 'Version: 2.21.0\n', 'b.txt': 'stored' })
    expect(await readMember(archive, /METADATA$/)).toBe('Version: 2.21.0\n')
    expect(await readMember(archive, /^b/)).toBe('stored')
    expect(await readMember(archive, /^c/)).toBeNull()
  })

  it('refuses a path that leaves the folder, a file that is no archive and one that is cut short', async () => {
    const archive = await write({ '../evil': 'x' })
    const to = join(folder, 'deps')
    await expect(unzip({ archive, to, place: (name) => name })).rejects.toThrow('outside its folder: ../evil')
    await writeFile(archive, 'x'.repeat(100))
    await expect(unzip({ archive, to, place: (name) => name })).rejects.toThrow('no zip archive')
    await writeFile(archive, 'x')
    await expect(unzip({ archive, to, place: (name) => name })).rejects.toThrow('no zip archive')
  })

  it("golden: puts NVIDIA's libraries where TensorFlow's look for them", () => {
    expect(cudaMember('nvidia/cudnn/lib/libcudnn_graph.so.9')).toBe('nvidia/cudnn/lib/libcudnn_graph.so.9')
    expect(cudaMember('nvidia/cublas/include/cublas.h')).toBeNull()
  })
})

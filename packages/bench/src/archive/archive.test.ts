import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { copied, debianPackages } from './layout.ts'
import { licenceText, standardTexts } from './licences.ts'
import { CannotMake, makeArchive } from './make.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'durian-bench-'))
afterAll(() => rmSync(scratch, { recursive: true }))

describe('what is in the archive', () => {
  it('is there, under the names that run.sh and the program look for', () => {
    const files = copied(root)
    for (const from of Object.values(files)) expect(existsSync(from), from).toBe(true)
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(['run.sh', 'app/torch_policy.py', 'app/demo/model.safetensors', 'LICENSES/durian.txt']),
    )
    expect(Object.keys(files)).toContain('app/node_modules/webgpu/dist/linux-x64/dawn.node')
    expect(debianPackages.lib).toContain('libvulkan1')
  })

  it('has a name that says how it is packed', async () => {
    await expect(makeArchive(join(scratch, 'x.zip'), () => undefined)).rejects.toThrow(CannotMake)
    await expect(makeArchive(join(scratch, 'x.zip'), () => undefined)).rejects.toThrow(/x\.zip|linux-x64/)
  })
})

describe('the licence of a package', () => {
  const standard = standardTexts(join(root, 'LICENSE'), join(root, 'LICENSE'))
  const packageOf = (name: string, manifest: object, files: Readonly<Record<string, string>> = {}): string => {
    const folder = join(scratch, name)
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', ...manifest }))
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
    return folder
  }

  it('is its own text, else the standard one with its author, else an error', () => {
    expect(licenceText(packageOf('own', { license: 'ISC' }, { 'LICENCE.md': 'be kind' }), standard)).toContain(
      'be kind',
    )
    const made = licenceText(packageOf('none', { license: 'MIT', author: 'A. Person' }), standard)
    expect(made).toContain('Copyright (c) A. Person')
    expect(made).toContain('Permission is hereby granted')
    expect(made).not.toContain('Durian')
    expect(() => licenceText(packageOf('odd', { license: 'Proprietary' }), standard)).toThrow('odd')
  })
})

// a shell with readlink and ldd, as every machine with a GPU under Linux has
describe.skipIf(process.platform !== 'linux')('run.sh', () => {
  const home = join(scratch, 'unpacked')
  mkdirSync(join(home, 'icd'), { recursive: true })
  copyFileSync(join(root, 'packages/bench/gpu/run.sh'), join(home, 'run.sh'))
  writeFileSync(join(home, 'node'), '#!/bin/sh\necho "$VK_DRIVER_FILES|$*"\n')
  writeFileSync(join(home, 'icd', 'nvidia_icd.json'), '{"ICD": {"library_path": "libGLX_nvidia_none.so.0"}}')
  for (const file of ['run.sh', 'node']) chmodSync(join(home, file), 0o755)
  const icd = (name: string, library: string): string => {
    const file = join(home, name)
    writeFileSync(file, `{ "ICD": { "library_path" : "${library}", "api_version": "1.3.0" } }\n`)
    return file
  }
  const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
    spawnSync(join(home, 'run.sh'), [...args], { env, encoding: 'utf8' })

  it('gives the program the driver that is named, with nothing in the environment', () => {
    writeFileSync(join(home, 'libdriver.so'), '')
    const file = icd('driver.json', './libdriver.so')
    const { status, stdout } = run(['laws', '--out', 'x'], { VK_DRIVER_FILES: file })
    expect(status).toBe(0)
    expect(stdout).toBe(`${file}|${home}/app/durian-gpu.mjs laws --out x\n`)
  })

  it('says what is missing: the ICD file, or the library that it names', () => {
    const absent = run(['laws'], { VK_DRIVER_FILES: '/no/such.json' })
    expect(absent).toMatchObject({ status: 1, stderr: expect.stringContaining('/no/such.json') })
    const file = icd('broken.json', 'libnowhere.so.0')
    const broken = run(['laws'], { VK_DRIVER_FILES: file })
    expect(broken).toMatchObject({ status: 1, stderr: expect.stringContaining('libnowhere.so.0') })
  })

  it('tells what there is to run without a driver', () => {
    expect(run([], {}).stdout).toContain('--help')
  })
})

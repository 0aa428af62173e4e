import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { readConfig, writeConfig, type ConfigSource } from './readConfig.ts'

const examples = fileURLToPath(new URL('../../../../examples', import.meta.url))
const base = ['model_name_or_path=m', 'dataset=d', 'output_dir=o']

const refusal = async (source: ConfigSource): Promise<string> => {
  const result = await readConfig(source)()
  return E.isLeft(result) ? sentence(result.left) : 'accepted'
}

describe('readConfig', () => {
  it('accepts every file of examples/', async () => {
    const files = (await readdir(examples)).filter((name) => name.endsWith('.yaml'))
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) expect([file, await refusal({ file: join(examples, file) })]).toEqual([file, 'accepted'])
  })

  it('lets flags go over arguments, and names the flag that is wrong', async () => {
    const config = await readConfig({
      overrides: [...base, 'seed=1'],
      flags: { seed: '7', resume: 'false', backend: undefined },
    })()
    expect(E.isRight(config) && config.right).toMatchObject({ seed: 7, resume: false, backend: 'auto' })
    expect(await refusal({ overrides: base, flags: { backend: 'webgl' } })).toBe(
      '--backend: backend is "webgl", expected one of auto, tensorflow, wasm, webgpu.',
    )
  })

  it('names the file that is not there', async () => {
    expect(await refusal({ file: 'no/such.yaml' })).toBe(
      'Config file no/such.yaml could not be read (ENOENT); check the path after --config.',
    )
  })

  it('reads back what it has written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'durian-config-'))
    const config = await readConfig({
      overrides: [...base, 'sft.max_steps=3', 'epsilon_high=0.28', 'adam_epsilon=1e-12'],
    })()
    if (E.isLeft(config)) throw new Error(sentence(config.left))
    await writeConfig(join(folder, 'config.yaml'), config.right)()
    expect(await readConfig({ file: join(folder, 'config.yaml') })()).toEqual(config)
    await rm(folder, { recursive: true })
  })
})

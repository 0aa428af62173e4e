import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fixtureDir, right } from '../policy/testing.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { writeModel } from './checkpoint.ts'

it("a model's own files go along, also those of transformers 5, with the run's pixel limits in them", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'durian-write-model-'))
  try {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    await cp(fixtureDir, from, { recursive: true })
    const settings = JSON.parse(await readFile(join(from, 'preprocessor_config.json'), 'utf8')) as object
    await rm(join(from, 'preprocessor_config.json'))
    await writeFile(join(from, 'processor_config.json'), JSON.stringify({ image_processor: settings, other: 1 }))
    right(await writeModel(to, from, {}, { max_pixels: 6272 })())
    expect((await readdir(to)).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'processor_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    expect(right(await loadProcessor(to)()).image).toMatchObject({ minPixels: 3136, maxPixels: 6272 })
    expect(JSON.parse(await readFile(join(to, 'processor_config.json'), 'utf8'))).toMatchObject({ other: 1 })
  } finally {
    await rm(folder, { recursive: true })
  }
})

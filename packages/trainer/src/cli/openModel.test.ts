import { copyFile, cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openNodeBackend } from '@durian/backend-node'
import { taskEither as TE } from 'fp-ts'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fixtureDir, right } from '../policy/testing.ts'
import { pixelLimited } from '../processor/pixelLimits.ts'
import { runTraining, smallConfig, smallData, value } from '../train/testing.ts'
import { openModel, withWeights } from './openModel.ts'
import { runProgram } from './program.ts'

const adapter = join(fixtureDir, '../qwen2_5_vl_lora')
const rows = join(fixtureDir, 'rows.jsonl')
const resident = { base_weights: 'resident', base_dtype: 'auto' } as const
const streamed = { base_weights: 'streamed', base_dtype: 'auto' } as const

let answered: string
beforeAll(async () => {
  answered = join(await mkdtemp(join(tmpdir(), 'durian-open-')), 'answered.jsonl')
  const lines = (await readFile(rows, 'utf8')).trim().split('\n')
  const withAnswer = (line: string) => {
    const row = JSON.parse(line) as { readonly images: ReadonlyArray<string> }
    return JSON.stringify({ ...row, images: row.images.map((image) => join(fixtureDir, image)), answer: '1' })
  }
  await writeFile(answered, lines.map(withAnswer).join('\n'))
})
afterEach(() => {
  process.exitCode = undefined
  vi.restoreAllMocks()
})

/** What `durian <argv>` prints, which must end well. */
const printedBy = async (...argv: ReadonlyArray<string>): Promise<string> => {
  let printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const code = await runProgram([...argv, '--backend', 'wasm'])
  vi.restoreAllMocks()
  expect(code ?? process.exitCode ?? 0).toBe(0)
  return printed
}

describe('--base_weights streamed', () => {
  it.each([
    ['score'],
    ['generate', '--num_generations', '2', '--max_completion_length', '3'],
    ['eval', '--num_generations', '2', '--max_completion_length', '3'],
  ])('law: prints the same bytes as resident weights, with an adapter on them: %s', async (command, ...flags) => {
    const printed = (...more: ReadonlyArray<string>) =>
      printedBy(command, '--model', adapter, '--data', answered, ...flags, ...more)
    const wanted = await printed()
    expect(wanted).not.toBe('')
    expect(await printed('--base_weights', 'streamed')).toBe(wanted)
  })

  it('keeps the adapter alone on the device, and the model on the host in the bits asked for', async () => {
    const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
    const before = backend.memory.liveTensors()
    const held = async (flags: Parameters<typeof openModel>[0]) => {
      const model = right(await openModel(flags)())
      const live = await value(
        withWeights(backend, model, (params, base) =>
          TE.of([Object.keys(params).length, backend.memory.liveTensors() - before, base !== undefined] as const),
        ),
      )
      return { live, adapter: Object.keys(model.adapter).length }
    }
    const whole = await held({ model: adapter, ...resident })
    expect(whole.live[0]).toBeGreaterThan(whole.adapter)
    expect(whole.live.slice(1)).toEqual([whole.live[0], false])
    const { live, adapter: own } = await held({ model: adapter, ...streamed })
    expect(live).toEqual([own, own, true])
    expect((await held({ model: fixtureDir, ...streamed })).live).toEqual([0, 0, true])
    expect(backend.memory.liveTensors()).toBe(before)
    const scored = (dtype: string) =>
      printedBy('score', '--model', fixtureDir, '--data', rows, '--base_weights', 'streamed', '--base_dtype', dtype)
    expect(await scored('bfloat16')).not.toBe(await scored('float32'))
  })
})

describe('an adapter folder', () => {
  it('a checkpoint of a run with max_pixels is asked with pictures of that size', async () => {
    const data = await smallData()
    const config = await smallConfig(data, 'limited', [
      'lora.r=2',
      'max_pixels=784',
      'min_pixels=784',
      'max_steps=1',
      'save_steps=1',
    ])
    await runTraining(config)
    const generated = async (...flags: ReadonlyArray<string>): Promise<number> => {
      const file = join(data, 'test.parquet')
      const text = await printedBy(
        'generate',
        ...flags,
        '--data',
        file,
        '--num_generations',
        '1',
        '--max_completion_length',
        '1',
      )
      return (JSON.parse(text.split('\n')[0]!) as { readonly prompt_ids: ReadonlyArray<number> }).prompt_ids.length
    }
    const checkpoint = join(config.output_dir, 'checkpoint-1')
    const model = ['--model', config.model_name_or_path]
    expect(await generated('--model', checkpoint)).toBe(await generated(...model, '--adapter', checkpoint))
    expect(await generated('--model', checkpoint)).toBeLessThan(await generated(...model))
  })

  it('saved with a processor is scored as a model with those pixel limits', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'durian-limits-'))
    const settings = JSON.parse(await readFile(join(fixtureDir, 'preprocessor_config.json'), 'utf8')) as object
    const limited = JSON.stringify(pixelLimited(settings, { min_pixels: 784, max_pixels: 3136 }))
    const model = join(folder, 'model')
    const own = join(folder, 'adapter')
    await cp(fixtureDir, model, { recursive: true })
    await writeFile(join(model, 'preprocessor_config.json'), limited)
    await cp(adapter, own, { recursive: true })
    const scored = async (...flags: ReadonlyArray<string>) => printedBy('score', ...flags, '--data', rows)
    const wanted = await scored('--model', model, '--adapter', own)
    expect(await scored('--model', fixtureDir, '--adapter', own)).not.toBe(wanted)
    await copyFile(join(model, 'preprocessor_config.json'), join(own, 'preprocessor_config.json'))
    expect(await scored('--model', fixtureDir, '--adapter', own)).toBe(wanted)
  })
})

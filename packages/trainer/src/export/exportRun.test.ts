import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNodeBackend } from '@durian/backend-node'
import { residentWeights } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { byteSize } from '../cli/export.ts'
import { readTensorEntries } from '../io/safetensors.ts'
import { loadAdapter } from '../policy/adapterFiles.ts'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import { loadPolicy, loadPolicyConfig } from '../policy/files.ts'
import { encodedRows, expected, fixtureDir, maxDifference, onDevice, right, values } from '../policy/testing.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { type ExportOptions, exportRun } from './exportRun.ts'
import { shards } from './writeModelFolder.ts'

const adapterDir = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/qwen2_5_vl_lora')
const peft = JSON.parse(readFileSync(join(adapterDir, 'expected.json'), 'utf8')) as {
  readonly logprobs: Readonly<Record<string, ReadonlyArray<number>>>
}

const savedState = (step: number) => ({
  ...{ format: 1, step, optimizer_step: step, cursor: 0, num_tokens: 0, offsets: {} },
  config: { max_pixels: 50176 },
})

/** A run folder whose checkpoints 1 and 2 hold PEFT's adapter, and checkpoint 3 a model. */
const runFolder = async (): Promise<string> => {
  const run = await mkdtemp(join(tmpdir(), 'durian-run-'))
  const state = async (step: number) =>
    writeFile(join(run, `checkpoint-${step}`, 'trainer_state.json'), JSON.stringify(savedState(step)))
  for (const step of [1, 2]) {
    await mkdir(join(run, `checkpoint-${step}`))
    for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
      await cp(join(adapterDir, file), join(run, `checkpoint-${step}`, file))
    const config = join(run, `checkpoint-${step}`, 'adapter_config.json')
    await writeFile(config, (await readFile(config, 'utf8')).replace('../qwen2_5_vl_tiny', fixtureDir))
    await state(step)
  }
  await cp(fixtureDir, join(run, 'checkpoint-3'), { recursive: true })
  await state(3)
  return run
}
const options = (run: string, others: Partial<ExportOptions> = {}): ExportOptions => ({
  run,
  checkpoint: 2,
  out: null,
  merge: false,
  dtype: 'float32',
  maxShardSize: 5e9,
  ...others,
})

const logprobsOf = async (folder: string) => {
  const { config, weights } = right(await loadPolicy(folder)())
  const prompts = await encodedRows(right(await loadProcessor(folder)()))
  const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
  const batch = completionBatch(config)(
    prompts,
    expected.map(({ response_ids }) => [response_ids]),
  )
  const { logprob } = await values(backend, () => ({
    ...scoreCompletions(backend.ops, config)(residentWeights(onDevice(backend.ops, weights)), batch, {
      temperature: 1,
    }),
  }))
  return expected.map((row, p) => logprob.slice(p * batch.length, p * batch.length + row.response_ids.length))
}

describe('durian export', () => {
  it('golden: the merged model, in shards and alone in its folder, has the log-probs of PEFT', async () => {
    const run = await runFolder()
    const { directory, weights } = right(await exportRun(options(run, { merge: true, maxShardSize: 300_000 }))())
    expect(weights.length).toBeGreaterThan(2)
    expect(weights[0]).toBe(`model-00001-of-0000${weights.length}.safetensors`)
    const logprobs = await logprobsOf(directory)
    expected.forEach(({ id }, p) => expect(maxDifference(logprobs[p]!, peft.logprobs[id]!), id).toBeLessThan(1e-4))
    const index = JSON.parse(await readFile(join(directory, 'model.safetensors.index.json'), 'utf8')) as {
      readonly metadata: { readonly total_size: number }
      readonly weight_map: Readonly<Record<string, string>>
    }
    let bytes = 0
    for (const file of weights)
      for (const [name, { begin, end }] of right(await readTensorEntries(join(directory, file))())) {
        expect(index.weight_map[name]).toBe(file)
        bytes += end - begin
      }
    expect(index.metadata.total_size).toBe(bytes)
  })

  it('an adapter folder holds the adapter, its base by an absolute name, and the tokenizer', async () => {
    const run = await runFolder()
    const { directory } = right(await exportRun(options(run, { checkpoint: 1 }))())
    expect(directory).toBe(join(run, 'adapter'))
    const policy = right(await loadPolicyConfig(fixtureDir)())
    const [ours, theirs] = [
      right(await loadAdapter(directory, policy)()),
      right(await loadAdapter(adapterDir, policy)()),
    ]
    expect(ours.tensors).toEqual(theirs.tensors)
    expect(ours.facts.base_model_name_or_path).toBe(fixtureDir)
    const files = await readdir(directory)
    expect(files).toContain('tokenizer.json')
    expect(files).not.toContain('config.json')
    const settings = JSON.parse(await readFile(join(directory, 'preprocessor_config.json'), 'utf8')) as object
    expect(settings).toMatchObject({ min_pixels: 3136, max_pixels: 50176 }) // the run's own limit
  })

  it('a run without an adapter gives its model; 16 bits are half the size and its config says so', async () => {
    const run = await runFolder()
    const whole = right(await exportRun(options(run, { checkpoint: null, out: join(run, 'whole') }))())
    expect(right(await loadPolicy(whole.directory)())).toEqual(right(await loadPolicy(fixtureDir)()))
    const half = right(await exportRun(options(run, { checkpoint: null, dtype: 'bfloat16' }))())
    const config = JSON.parse(await readFile(join(half.directory, 'config.json'), 'utf8')) as Record<string, unknown>
    expect(config['torch_dtype']).toBe('bfloat16')
    const [large, small] = [right(await loadPolicy(whole.directory)()), right(await loadPolicy(half.directory)())]
    for (const [name, { data }] of Object.entries(small.weights)) {
      const exact = large.weights[name]!.data
      data.forEach((x, i) => {
        if (Math.abs(x - exact[i]!) > Math.abs(exact[i]!) / 256) throw new Error(`${name} ${i}`)
      })
    }
    const entries = right(await readTensorEntries(join(half.directory, 'model.safetensors'))())
    expect([...entries.values()].every(({ dtype }) => dtype === 'BF16')).toBe(true)
  })

  it('refuses a folder in use, a checkpoint that is not there and a folder that is no run', async () => {
    const run = await runFolder()
    const refusal = async (given: ExportOptions) => {
      const result = await exportRun(given)()
      return E.isLeft(result) ? result.left : undefined
    }
    expect(await refusal(options(run, { out: run }))).toMatchObject({ _tag: 'BadInput' })
    expect(await refusal(options(run, { checkpoint: 7 }))).toMatchObject({
      message: expect.stringContaining('checkpoint-1, checkpoint-2, checkpoint-3') as string,
    })
    expect(await refusal(options(fixtureDir))).toMatchObject({ message: expect.stringContaining('--run') as string })
    expect(await readdir(run)).toHaveLength(3)
  })
})

describe('sizes of files', () => {
  it('a file is filled as far as the next tensor fits; a larger tensor has its own', () => {
    const sizes = [
      ['a', 4],
      ['b', 4],
      ['c', 20],
      ['d', 3],
      ['e', 7],
    ] as const
    expect(shards(sizes, 10)).toEqual([['a', 'b'], ['c'], ['d', 'e']])
  })

  it('reads sizes as transformers does', () => {
    expect(['5GB', '2 GiB', '300', '1.5mb'].map((text) => right(byteSize(text)))).toEqual([5e9, 2 ** 31, 300, 1.5e6])
    expect(['', '-1', '0', '5 apples'].every((text) => E.isLeft(byteSize(text)))).toBe(true)
  })
})

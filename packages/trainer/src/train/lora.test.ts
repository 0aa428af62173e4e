import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openNodeBackend } from '@durian/backend-node'
import { type HostTensor, sumAll } from '@durian/core'
import { either as E } from 'fp-ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { readSafetensors } from '../io/safetensors.ts'
import { completionBatch } from '../policy/completions.ts'
import { adapterNames } from '../policy/linear.ts'
import { initialAdapters, linearModules } from '../policy/lora.ts'
import { maxDifference, miniConfig, onDevice } from '../policy/testing.ts'
import { initialWeights } from '../policy/weights.ts'
import { ropePositions } from '../processor/positions.ts'
import { hostDropout } from './dropout.ts'
import { lossGradient } from './lossGradient.ts'
import { prepare } from './prepare.ts'
import { demoModel, runTraining, smallConfig, smallData, value } from './testing.ts'

const picture = { grid: [1, 4, 4] as const, pixels: Float32Array.from({ length: 16 * 12 }, (_, k) => Math.cos(k)) }
const ids = Int32Array.from([2, 22, 20, 20, 20, 20, 23, 5, 6])
const batch = completionBatch(miniConfig)(
  [{ id: 'a', text: '', ids, images: [picture], ...ropePositions(ids, [picture], { imageToken: 20, mergeSize: 2 }) }],
  [[[3, 7, 1], [8]]],
)
const modules = [...linearModules(miniConfig).keys()]
/** Adapters whose B is not zero. */
const adapters = Object.fromEntries(
  Object.entries(initialAdapters(miniConfig, modules, { r: 2, lora_alpha: 3, use_rslora: false, seed: 5 })).map(
    ([name, { shape, data }]): readonly [string, HostTensor] => [
      name,
      { shape, data: name.endsWith('lora_B.weight') ? data.map((_, i) => 0.05 * Math.sin(i + name.length)) : data },
    ],
  ),
)

/** [m, k] x [k, n] */
const product = (a: HostTensor, b: HostTensor): HostTensor => {
  const [m = 0, k = 0] = a.shape
  const n = b.shape[1]!
  const data = new Float64Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) for (let l = 0; l < k; l++) data[i * n + j]! += a.data[i * k + l]! * b.data[l * n + j]!
  return { shape: [m, n], data }
}
const turned = ({ shape: [m = 0, n = 0], data }: HostTensor): HostTensor => ({
  shape: [n, m],
  data: Float64Array.from({ length: m * n }, (_, i) => data[(i % m) * n + Math.floor(i / m)]!),
})
const scaled = ({ shape, data }: HostTensor, s: number): HostTensor => ({
  shape,
  data: Float64Array.from(data, (x) => s * x),
})

/** Value and gradients of the summed log-probs, of adapters over a base or of whole weights. */
const gradients = async (
  params: Readonly<Record<string, HostTensor>>,
  {
    base,
    checkpointing,
    dropout = 0,
  }: { base?: Readonly<Record<string, HostTensor>>; checkpointing: boolean; dropout?: number },
) => {
  const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
  const { ops, memory, transfer } = backend
  const own = onDevice(ops, params)
  const beneath = base && onDevice(ops, base)
  const moving = Object.fromEntries(Object.entries(own).filter(([name]) => !name.endsWith('.lora_scaling')))
  const live = memory.liveTensors()
  const result = memory.scope(() =>
    lossGradient(backend, miniConfig, {
      temperature: 0.8,
      checkpointing,
      ...(beneath && {
        base: {
          under: (prefix) =>
            Object.fromEntries(
              Object.entries(beneath).flatMap(([name, x]) =>
                name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [],
              ),
            ),
        },
      }),
    })(
      batch,
      ({ logprob }) => ({
        value: sumAll(ops, ops.mul(logprob, ops.fromHost({ shape: [batch.mask.length], data: batch.mask }))),
        aux: null,
      }),
      hostDropout(backend, dropout, { seed: 3, step: 4, microBatch: 0 }),
    )(own, moving),
  )
  const grads: Record<string, HostTensor> = {}
  for (const [name, grad] of Object.entries(result.grads))
    grads[name] = { shape: ops.shape(grad), data: await value(transfer.read(grad)) }
  const total = (await value(transfer.read(result.value)))[0]!
  memory.free(result)
  const left = memory.liveTensors() - live
  memory.free([own, beneath])
  return { value: total, grads, left }
}

const close = (a: HostTensor, b: HostTensor, name: string): void => {
  const size = Math.max(1e-2, ...Array.from(b.data, Math.abs))
  expect(maxDifference(a.data, b.data) / size, name).toBeLessThan(1e-4)
}

describe('the gradient of adapters', () => {
  const weights = initialWeights(miniConfig, 4)

  it('law: is that of the merged weights pulled back, dA = s B^T dW and dB = s dW A^T, in every linear', async () => {
    const own = await gradients(adapters, { base: weights, checkpointing: false })
    const merged = { ...weights }
    for (const module of modules) {
      const { a, b, scaling } = adapterNames(module)
      const change = scaled(product(adapters[b]!, adapters[a]!), adapters[scaling]!.data[0]!)
      const name = `${module}.weight`
      merged[name] = {
        shape: change.shape,
        data: Float32Array.from(weights[name]!.data, (w, i) => w + change.data[i]!),
      }
    }
    const whole = await gradients(merged, { checkpointing: false })
    expect(own.value).toBeCloseTo(whole.value, 4)
    for (const module of modules) {
      const { a, b, scaling } = adapterNames(module)
      const s = adapters[scaling]!.data[0]!
      const dW = whole.grads[`${module}.weight`]!
      close(own.grads[b]!, scaled(product(dW, turned(adapters[a]!)), s), b)
      close(own.grads[a]!, scaled(product(turned(adapters[b]!), dW), s), a)
    }
    expect(Object.keys(own.grads)).toHaveLength(2 * modules.length)
  })

  it.each([0, 0.3])('law: is the same layer by layer, with dropout %f of the same masks', async (dropout) => {
    const tape = await gradients(adapters, { base: weights, checkpointing: false, dropout })
    const layerwise = await gradients(adapters, { base: weights, checkpointing: true, dropout })
    expect(layerwise.value).toBeCloseTo(tape.value, 4)
    for (const [name, grad] of Object.entries(tape.grads)) close(layerwise.grads[name]!, grad, name)
    expect([tape.left, layerwise.left]).toEqual([0, 0])
  })
})

describe('dropout', () => {
  it('leaves out its share, scales the rest, and draws by seed, step, micro-batch and place', async () => {
    const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
    const { ops, memory, transfer } = backend
    const masked = async (place: string, at = { seed: 3, step: 4, microBatch: 0 }) => {
      const x = memory.scope(() =>
        hostDropout(backend, 0.25, at)!(
          ops.fromHost({ shape: [101, 99], data: new Float32Array(9999).fill(3) }),
          place,
        ),
      )
      const data = await value(transfer.read(x))
      memory.free(x)
      return data
    }
    const first = await masked('a')
    expect([...new Set(first)].sort()).toEqual([0, 4])
    const share = first.filter((y) => y === 0).length / first.length
    expect(Math.abs(share - 0.25)).toBeLessThan(0.02) // 4.6 standard errors
    expect(await masked('a')).toEqual(first)
    for (const other of [
      await masked('b'),
      await masked('a', { seed: 4, step: 4, microBatch: 0 }),
      await masked('a', { seed: 3, step: 5, microBatch: 0 }),
      await masked('a', { seed: 3, step: 4, microBatch: 1 }),
    ])
      expect(other).not.toEqual(first)
    expect(hostDropout(backend, 0, { seed: 3, step: 4, microBatch: 0 })).toBeUndefined()
  })
})

describe('a run with lora', () => {
  let data: string
  beforeAll(async () => {
    data = await smallData()
  })
  const lines = async (directory: string) =>
    (await readFile(join(directory, 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, number>)
  const adapterAt = (directory: string, step: number) =>
    value(readSafetensors(join(directory, `checkpoint-${step}`, 'adapter_model.safetensors')))

  it('trajectory: trains and saves the adapter alone, with a reference policy, and resumes bit for bit', async () => {
    const settings = [
      'max_steps=2',
      'lora.r=4',
      'lora.lora_dropout=0.1',
      'beta=0.04',
      'num_iterations=2',
      'save_steps=1',
    ]
    const whole = await smallConfig(data, 'lora-whole', settings)
    const killed = await smallConfig(data, 'lora-killed', settings)
    await runTraining(whole)
    const died = new Error('killed')
    await expect(
      runTraining(killed, {
        onStep: ({ step }) => {
          if (step === 2) throw died
        },
      }),
    ).rejects.toBe(died)
    await runTraining(killed)
    for (const file of ['adapter_model.safetensors', 'adapter_config.json', 'optimizer.safetensors'])
      expect(
        (await readFile(join(killed.output_dir, 'checkpoint-2', file))).equals(
          await readFile(join(whole.output_dir, 'checkpoint-2', file)),
        ),
        file,
      ).toBe(true)
    expect(await readdir(join(whole.output_dir, 'checkpoint-2'))).not.toContain('model.safetensors')
    const [start, end] = [await adapterAt(whole.output_dir, 1), await adapterAt(whole.output_dir, 2)]
    expect(
      Object.keys(end).every((name) => /^base_model\.model\.model\.layers\.\d+\..*\.lora_[AB]\.weight$/.test(name)),
    ).toBe(true)
    for (const [name, { data }] of Object.entries(end)) expect(data, name).not.toEqual(start[name]!.data)
    const metrics = await lines(whole.output_dir)
    expect(metrics[2]!['kl']).toBeGreaterThan(0)
  })

  it('law: sampling and update agree on log-probs, and a fresh adapter changes none', async () => {
    const config = await smallConfig(data, 'lora-agree', ['max_steps=2', 'lora.r=4', 'learning_rate=1e-2'])
    const plain = await smallConfig(data, 'lora-plain', ['max_steps=1'])
    await runTraining(config)
    await runTraining(plain)
    const [own, without] = [await lines(config.output_dir), await lines(plain.output_dir)]
    for (const { step, ...line } of own.slice(1))
      expect(line['sampling/sampling_logp_difference/max'], `step ${step}`).toBeLessThan(1e-4)
    for (const key of ['reward', 'entropy', 'completions/mean_length'])
      expect(own[1]![key], key).toBeCloseTo(without[1]![key]!, 5)
  })

  it('goes on from an adapter folder of another run, which is then the reference', async () => {
    const from = join(data, 'lora-agree', 'checkpoint-2')
    const config = await smallConfig(data, 'lora-from', [
      'max_steps=1',
      `lora.adapter_name_or_path=${from}`,
      'beta=0.1',
    ])
    const prepared = await value(prepare(config))
    expect(prepared.adapter!.facts).toMatchObject({ r: 4, base_model_name_or_path: demoModel })
    await runTraining(config)
    expect((await lines(config.output_dir))[1]!['kl']).toBeLessThan(1e-9)
  })

  it('refuses an adapter in the place of its base, and says where it belongs', async () => {
    const adapter = join(data, 'lora-agree', 'checkpoint-2')
    const config = { ...(await smallConfig(data, 'lora-place')), model_name_or_path: adapter }
    const result = await prepare(config)()
    expect(E.isLeft(result) && result.left).toMatchObject({
      _tag: 'BadInput',
      message: expect.stringContaining(`lora.adapter_name_or_path=${adapter}`) as string,
    })
  })

  it('refuses target_modules without a match before it reads a weight', async () => {
    const config = await smallConfig(data, 'lora-bad', ['lora.target_modules=[q_prj]'])
    const result = await prepare(config)()
    expect(E.isLeft(result) && result.left).toMatchObject({
      _tag: 'BadInput',
      message: expect.stringContaining("did you mean 'q_proj'?") as string,
    })
  })
})

import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNodeBackend } from '@durian/backend-node'
import type { HostTensor } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { readSafetensors, writeSafetensors } from '../io/safetensors.ts'
import { adapterBase, loadAdapter, peftTensors, writeAdapter } from './adapterFiles.ts'
import { completionBatch, scoreCompletions } from './completions.ts'
import { loadPolicyConfig } from './files.ts'
import { policyWeights } from './params.ts'
import { expected, fixtureDir, maxDifference, onDevice, openFixture, right, values } from './testing.ts'

/** Made by PEFT 0.14 with random A and B on linears of decoder, vision tower and merger. */
const adapterDir = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/qwen2_5_vl_lora')
const peft = JSON.parse(readFileSync(join(adapterDir, 'expected.json'), 'utf8')) as {
  readonly logprobs: Readonly<Record<string, ReadonlyArray<number>>>
}

const loaded = async () => right(await loadAdapter(adapterDir, right(await loadPolicyConfig(fixtureDir)()))())

describe('an adapter made by PEFT', () => {
  it('golden: log-probs are those of PEFT, in the decoder, the vision tower and the merger', async () => {
    const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
    const { config, prompts, weights } = await openFixture(backend)
    const { tensors } = await loaded()
    const batch = completionBatch(config)(
      prompts,
      expected.map(({ response_ids }) => [response_ids]),
    )
    const scored = (adapter: Readonly<Record<string, HostTensor>>) =>
      values(backend, () => ({
        ...scoreCompletions(backend.ops, config)(policyWeights(onDevice(backend.ops, adapter), weights), batch, {
          temperature: 1,
        }),
      }))
    const own = (x: Float32Array, p: number) =>
      x.subarray(p * batch.length, p * batch.length + expected[p]!.response_ids.length)
    const { logprob } = await scored(tensors)
    expected.forEach(({ id }, p) => expect(maxDifference(own(logprob, p), peft.logprobs[id]!), id).toBeLessThan(1e-4))
    const without = await scored({})
    expected.forEach(({ logprobs }, p) => expect(maxDifference(own(without.logprob, p), logprobs)).toBeLessThan(1e-4))
  })

  it('golden: what is written has the tensors, modules, ranks and alphas that PEFT wrote', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'durian-adapter-'))
    const policy = right(await loadPolicyConfig(fixtureDir)())
    right(await writeAdapter(dir, { ...(await loaded()), policy })())
    const [theirs, ours] = await Promise.all(
      [adapterDir, dir].map(async (folder) =>
        right(await readSafetensors(join(folder, 'adapter_model.safetensors'))()),
      ),
    )
    expect(ours).toEqual(theirs)
    const config = async (folder: string) =>
      JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>
    const [written, original] = [await config(dir), await config(adapterDir)]
    for (const key of ['r', 'lora_alpha', 'peft_type', 'task_type', 'bias', 'use_rslora', 'exclude_modules'])
      expect(written[key], key).toEqual(original[key])
    const again = right(await loadAdapter(dir, policy)())
    expect(again.tensors).toEqual((await loaded()).tensors)
    expect(again.modules).toEqual((await loaded()).modules)
  })

  it('reads the names of transformers 4.52 and later', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'durian-adapter-'))
    const policy = right(await loadPolicyConfig(fixtureDir)())
    const { tensors, facts } = await loaded()
    right(await writeAdapter(dir, { policy, facts, tensors })())
    const renamed = Object.fromEntries(
      Object.entries(peftTensors(tensors)).map(([name, tensor]) => [
        name.replace('.model.model.', '.model.model.language_model.').replace('.model.visual.', '.model.model.visual.'),
        tensor,
      ]),
    )
    right(await writeSafetensors(join(dir, 'adapter_model.safetensors'), renamed)())
    expect(right(await loadAdapter(dir, policy)()).modules).toEqual((await loaded()).modules)
  })

  it('finds its base beside itself', async () => {
    expect(right(await adapterBase(adapterDir)())).toBe(fixtureDir)
  })

  it.each([
    [{ peft_type: 'IA3' }, 'peft_type is "IA3"'],
    [{ use_dora: true }, 'use_dora is true'],
    [{ modules_to_save: ['lm_head'] }, 'modules_to_save is ["lm_head"]'],
    [{ r: 3 }, "lora_A.weight' has shape [4, 96], the policy asks for [3, 96]"],
    [{ base_model_name_or_path: '/nowhere' }, '--adapter'],
  ])('refuses %j with one sentence', async (change, words) => {
    const dir = await mkdtemp(join(tmpdir(), 'durian-adapter-'))
    const policy = right(await loadPolicyConfig(fixtureDir)())
    const { tensors, facts } = await loaded()
    right(await writeAdapter(dir, { policy, facts, tensors })())
    const path = join(dir, 'adapter_config.json')
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }))
    const result = 'base_model_name_or_path' in change ? await adapterBase(dir)() : await loadAdapter(dir, policy)()
    expect(E.isLeft(result) && result.left).toMatchObject({
      _tag: 'BadInput',
      message: expect.stringContaining(words) as string,
    })
  })
})

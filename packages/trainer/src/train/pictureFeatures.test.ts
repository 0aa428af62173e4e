import { openNodeBackend } from '@durian/backend-node'
import { describe, expect, it } from 'vitest'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import { expected, maxDifference, openFixture, values } from '../policy/testing.ts'
import { featureCache, visionIsFrozen, withFeatures } from './pictureFeatures.ts'
import { visualEntropies } from './visualEntropies.ts'
import { runTraining, smallConfig, smallData, value } from './testing.ts'
import { frozenIn } from './optimise.ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

describe('features of pictures from a vision encoder that stays as it is', () => {
  it('law: log-probs and entropies are those of looking again, and the encoder looks at each picture once', async () => {
    const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
    const { config: policy, prompts, weights } = await openFixture(backend)
    let looks = 0
    const counting: typeof weights = {
      under: (prefix) => {
        if (prefix === 'visual.patch_embed.') looks++
        return weights.under(prefix)
      },
    }
    const live = backend.memory.liveTensors()
    const look = withFeatures({ backend, policy, cache: featureCache() })
    const brought = await value(look(counting, prompts))
    const pictures = prompts.reduce((total, { images }) => total + images.length, 0)
    expect(looks).toBe(pictures)
    expect(await value(look(counting, prompts))).toEqual(brought)
    expect(looks).toBe(pictures)
    expect(backend.memory.liveTensors()).toBe(live)

    const responses = expected.map(({ response_ids }) => [response_ids.slice(0, 4)])
    const scored = async (given: typeof prompts) => {
      const batch = completionBatch(policy)(given, responses)
      const { logprob } = await values(backend, () => ({
        ...scoreCompletions(backend.ops, policy)(counting, batch, { temperature: 1 }),
      }))
      return logprob
    }
    const again = await scored(prompts)
    looks = 0
    expect(maxDifference(await scored(brought), again)).toBeLessThan(1e-5)
    expect(looks).toBe(0)

    const config = { durian: { features: 'merged' } } as Parameters<typeof visualEntropies>[0]['config']
    const entropies = visualEntropies({ backend, config, policy, base: counting })
    // One prompt with a picture and one without: eigenvalues of the large pictures take seconds.
    const [own, seen] = [
      await value(entropies({}, brought.slice(1, 3))),
      await value(entropies({}, prompts.slice(1, 3))),
    ]
    own.forEach((entropy, i) => {
      if (entropy === null) expect(seen[i]).toBeNull()
      else expect(Math.abs(entropy - seen[i]!)).toBeLessThan(1e-5)
    })
  })

  it('keeps the pictures used last, within its bytes', () => {
    const cache = featureCache(40)
    for (const key of ['a', 'b']) cache.set(key, new Float32Array(4))
    cache.get('a')
    cache.set('c', new Float32Array(4))
    expect(['a', 'b', 'c'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true])
  })

  it('is frozen when no weight of it moves', () => {
    const params = { 'visual.merger.ln_q.weight': 0, 'model.norm.weight': 0 }
    expect(visionIsFrozen(params, frozenIn({ freeze_vision_tower: true, lora: null }))).toBe(true)
    expect(visionIsFrozen(params, frozenIn({ freeze_vision_tower: false, lora: null }))).toBe(false)
    const lora = {} as Parameters<typeof frozenIn>[0]['lora']
    expect(
      visionIsFrozen({ 'model.layers.0.mlp.up_proj.lora_A.weight': 0 }, frozenIn({ freeze_vision_tower: false, lora })),
    ).toBe(true)
    expect(
      visionIsFrozen({ 'visual.merger.mlp.0.lora_A.weight': 0 }, frozenIn({ freeze_vision_tower: false, lora })),
    ).toBe(false)
  })

  it('trajectory: a run with a frozen encoder still samples and scores alike', async () => {
    const config = await smallConfig(await smallData(), 'frozen', ['max_steps=1', 'freeze_vision_tower=true'])
    await runTraining(config)
    const line = JSON.parse(
      (await readFile(join(config.output_dir, 'metrics.jsonl'), 'utf8')).trim().split('\n')[1]!,
    ) as Record<string, number>
    expect(line['sampling/sampling_logp_difference/max']).toBeLessThan(1e-4)
    expect(line['grad_norm']).toBeGreaterThan(0)
  })
})

import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import {
  adaptedModules,
  type AdapterTargets,
  initialAdapters,
  linearModules,
  portableTargets,
  scalingOf,
} from './lora.ts'
import { miniConfig, right } from './testing.ts'

const language = '.*visual.*'
const chosen = (target_modules: AdapterTargets['target_modules'], exclude_modules: AdapterTargets['exclude_modules']) =>
  right(adaptedModules(miniConfig, { target_modules, exclude_modules }))
const refusal = (
  target_modules: AdapterTargets['target_modules'],
  exclude_modules: AdapterTargets['exclude_modules'] = language,
): string => {
  const result = adaptedModules(miniConfig, { target_modules, exclude_modules })
  if (E.isRight(result)) throw new Error('it was taken')
  return result.left
}

describe('the linears that get an adapter', () => {
  it('all-linear is the seven of each decoder layer, and no table and no convolution', () => {
    const modules = chosen('all-linear', language)
    expect(modules).toHaveLength(7 * miniConfig.text.layers)
    expect(modules.slice(0, 3)).toEqual([0, 0, 0].map((_, i) => `model.layers.0.self_attn.${'qkv'[i]}_proj`))
    const everything = chosen('all-linear', null)
    expect(everything).toEqual([...linearModules(miniConfig).keys()])
    expect(everything).toContain('visual.merger.mlp.2')
    expect(everything.some((name) => /embed|lm_head/.test(name))).toBe(false)
  })

  it('a list matches last parts of names, an expression matches whole names', () => {
    expect(chosen(['q_proj', 'mlp.down_proj'], language)).toEqual(
      [0, 1].flatMap((i) => [`model.layers.${i}.self_attn.q_proj`, `model.layers.${i}.mlp.down_proj`]),
    )
    expect(chosen('model.layers.1.*(k|v)_proj', null)).toEqual([
      'model.layers.1.self_attn.k_proj',
      'model.layers.1.self_attn.v_proj',
    ])
    expect(refusal('layers.1')).toContain("'layers.1' names no linear")
  })

  it('a part that matches nothing is refused with the nearest name, also beside one that matches', () => {
    expect(refusal(['q_proj', 'gate_prj'])).toContain(
      "lora.target_modules 'gate_prj' names no linear of the policy (did you mean 'gate_proj'?)",
    )
    expect(refusal(['qkv'])).toContain('takes out')
    expect(refusal('(')).toContain('is no regular expression')
    expect(refusal('all-linear', '[')).toContain('lora.exclude_modules')
  })

  it('law: what is written for PEFT names the same linears again, and no other', () => {
    const exclusions = [language, null, ['mlp.0']]
    const targets = ['all-linear', ['q_proj', 'down_proj'], 'model.layers.1.*', ['qkv', 'attn.proj', 'mlp.2']]
    for (const exclude of exclusions)
      for (const target of targets) {
        const modules = adaptedModules(miniConfig, { target_modules: target, exclude_modules: exclude })
        if (E.isLeft(modules)) continue
        const written = portableTargets(miniConfig, modules.right, exclude)
        expect(chosen(written, exclude)).toEqual(modules.right)
        // patch_embed.proj is a convolution: PEFT would adapt it too.
        expect(written).not.toContain('proj')
      }
    expect(portableTargets(miniConfig, chosen('all-linear', language), language)).toEqual(
      ['q', 'k', 'v', 'o', 'gate', 'up', 'down'].map((name) => `${name}_proj`).toSorted(),
    )
  })
})

describe('a fresh adapter', () => {
  const options = { r: 3, lora_alpha: 6, use_rslora: false, seed: 1 }
  it('has A uniform within 1 / sqrt(in), B zero and the scaling of its options', () => {
    const tensors = initialAdapters(miniConfig, ['model.layers.0.mlp.down_proj'], options)
    const [a, b, s] = Object.values(tensors)
    expect([a, b, s].map((tensor) => tensor?.shape)).toEqual([[3, 12], [16, 3], []])
    const bound = 1 / Math.sqrt(12)
    const largest = Math.max(...a!.data.map(Math.abs))
    expect(largest).toBeLessThanOrEqual(bound)
    expect(largest).toBeGreaterThan(0.8 * bound)
    expect(Math.min(...a!.data)).toBeLessThan(0)
    expect(b!.data.every((x) => x === 0)).toBe(true)
    expect(s!.data[0]).toBe(2)
    expect(scalingOf({ r: 4, lora_alpha: 6, use_rslora: true })).toBe(3)
  })

  it('draws each A by its own name, whatever else is adapted', () => {
    const name = 'model.layers.1.self_attn.q_proj'
    const a = `${name}.lora_A.weight`
    const alone = initialAdapters(miniConfig, [name], options)
    const together = initialAdapters(miniConfig, [...linearModules(miniConfig).keys()], options)
    expect(together[a]).toEqual(alone[a])
    expect(together[a]!.data).not.toEqual(together[a.replace('q_proj', 'o_proj')]!.data)
  })
})

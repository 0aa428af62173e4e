import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import type { Given } from './layers.ts'
import { resolveConfig } from './resolveConfig.ts'

const given = (values: Readonly<Record<string, unknown>>): ReadonlyArray<Given> =>
  Object.entries({ model_name_or_path: 'm', dataset: 'd', output_dir: 'o', ...values }).map(([key, value]) => ({
    key,
    value,
    where: 'test',
  }))
const loraOf = (values: Readonly<Record<string, unknown>>) => {
  const config = resolveConfig(given(values))
  if (E.isLeft(config)) throw new Error(JSON.stringify(config.left))
  return config.right.lora
}
const refusal = (values: Readonly<Record<string, unknown>>): string => {
  const config = resolveConfig(given(values))
  return E.isLeft(config) && 'message' in config.left ? config.left.message : ''
}

describe('the lora section', () => {
  it('is off unless a key of it is given, and then has the defaults of TRL and EasyR1', () => {
    expect(loraOf({})).toBeNull()
    expect(loraOf({ 'lora.r': 8 })).toEqual({
      r: 8,
      lora_alpha: 32,
      lora_dropout: 0,
      target_modules: 'all-linear',
      exclude_modules: '.*visual.*',
      use_rslora: false,
      adapter_name_or_path: null,
    })
  })

  it("takes TRL's flat names", () => {
    expect(
      loraOf({ lora_r: 8, lora_alpha: 4, lora_dropout: 0.1, lora_target_modules: ['q_proj'], use_rslora: true }),
    ).toMatchObject({ r: 8, lora_alpha: 4, lora_dropout: 0.1, target_modules: ['q_proj'], use_rslora: true })
  })

  it("takes EasyR1's names, of which rank 0 means no adapter", () => {
    const easy = { alpha: 64, target_modules: 'all-linear', exclude_modules: '.*visual.*' }
    const keys = (rank: number) =>
      Object.fromEntries(
        Object.entries({ rank, ...easy }).map(([key, value]) => [`worker.actor.model.lora.${key}`, value]),
      )
    expect(loraOf(keys(64))).toMatchObject({ r: 64, lora_alpha: 64, exclude_modules: '.*visual.*' })
    expect(loraOf(keys(0))).toBeNull()
  })
})

describe('streamed weights', () => {
  it('need an adapter that trains, layers one at a time, and weights to read', () => {
    const streamed = { base_weights: 'streamed' }
    expect(refusal(streamed)).toContain('add lora')
    expect(refusal({ ...streamed, 'lora.r': 8 })).toContain('gradient_checkpointing=true')
    const rest = { ...streamed, 'lora.r': 8, gradient_checkpointing: true }
    expect(refusal({ ...rest, 'sft.batch_size': 8 })).toContain('cold start')
    expect(loraOf(rest)).not.toBeNull()
  })
})

import { describe, expect, it } from 'vitest'
import { miniConfig } from './testing.ts'
import { initialWeights, weightShapes } from './weights.ts'

const mean = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => a + b) / x.length
const std = (x: ArrayLike<number>): number => Math.sqrt(mean(Array.from(x, (value) => value ** 2)) - mean(x) ** 2)

const config = { ...miniConfig, text: { ...miniConfig.text, vocabSize: 400, intermediateSize: 200 } }

describe('initialWeights', () => {
  const weights = initialWeights(config, 5)

  it('has every weight of the policy in its shape, finite', () => {
    expect(Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, shape]))).toEqual(
      weightShapes(config),
    )
    for (const { shape, data } of Object.values(weights)) {
      expect(data.length).toBe(shape.reduce((a, b) => a * b, 1))
      expect(Array.from(data).every(Number.isFinite)).toBe(true)
    }
  })

  it('draws embeddings and projections back into the residual stream normal, other linears uniform within 1 / sqrt(fan-in)', () => {
    const of = (name: string) => weights[name]!.data
    expect(std(of('model.embed_tokens.weight'))).toBeCloseTo(0.05, 2)
    expect(std(of('model.layers.0.mlp.down_proj.weight'))).toBeCloseTo(0.02, 2)
    expect(Math.abs(mean(of('model.layers.0.mlp.down_proj.weight')))).toBeLessThan(0.002)
    const up = Array.from(of('model.layers.0.mlp.up_proj.weight'))
    expect(Math.max(...up.map(Math.abs))).toBeLessThanOrEqual(0.25) // 1 / sqrt(16)
    expect(Math.max(...up)).toBeGreaterThan(0.24)
    expect(std(up)).toBeCloseTo(0.25 / Math.sqrt(3), 2)
    expect(Array.from(of('visual.blocks.0.norm1.weight')).every((x) => x === 1)).toBe(true)
    expect(Array.from(of('visual.blocks.0.attn.qkv.bias')).every((x) => x === 0)).toBe(true)
  })

  it('gives a weight the same numbers for the same seed whatever else the policy holds, and others for another seed', () => {
    const deeper = initialWeights({ ...config, text: { ...config.text, layers: 3 } }, 5)
    const name = 'model.layers.1.self_attn.q_proj.weight'
    expect(deeper[name]).toEqual(weights[name])
    expect(initialWeights(config, 6)[name]).not.toEqual(weights[name])
    expect(weights['model.layers.0.self_attn.q_proj.weight']).not.toEqual(weights[name])
  })
})

import { fileURLToPath } from 'node:url'
import { type Shape, sizeOf } from '@durian/core'
import { weightShapes } from '@durian/trainer'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { advantages, groups, prompts } from './batch.ts'
import { fusedCases } from './fusedCases.ts'
import { matmulCases } from './matmulCases.ts'
import { gpuModel, largestTensor, type ModelName, modelNames, parameterCount, stepFlop, tokenCounts } from './models.ts'
import { hashed, seededWeight } from './seeded.ts'
import { batchArrays } from './torchFolder.ts'

const demoFolder = fileURLToPath(new URL('../../../../models/demo', import.meta.url))
const GIB = 2 ** 30

const model = async (name: ModelName, tiny = false) => {
  const found = await gpuModel(name, { demoFolder, tiny })()
  if (E.isLeft(found)) throw new Error(JSON.stringify(found.left))
  return found.right
}

describe('the models that are measured', () => {
  it('have the parameters that the documentation states', async () => {
    expect(parameterCount((await model('demo')).policy)).toBe(224_288)
    expect(parameterCount((await model('100m')).policy)).toBe(101_607_424)
    expect(parameterCount((await model('1b')).policy)).toBe(1_068_236_288)
  })

  it.each(modelNames.flatMap((name) => [false, true].map((tiny) => [name, tiny] as const)))(
    '%s, tiny %j: sizes that fit together, and a batch of them',
    async (name, tiny) => {
      const one = await model(name, tiny)
      const { text, vision, tokens } = one.policy
      expect(text.mropeSection.reduce((a, b) => a + b)).toBe(text.headDim / 2)
      expect(text.heads % text.kvHeads).toBe(0)
      expect(vision.heads * vision.headDim).toBe(vision.hiddenSize)
      expect(vision.outHiddenSize).toBe(text.hiddenSize)
      // whole windows: what PyTorch's side counts on
      expect(one.plan.side % vision.windowSize).toBe(0)
      expect(Math.max(...vision.fullAttentionBlocks)).toBeLessThan(vision.depth)

      const counts = tokenCounts(one)
      const batch = prompts(one)
      const ids = batch.flatMap((prompt) => [...prompt.ids])
      expect(ids.length).toBe(counts.prompt)
      expect(ids.filter((id) => id === tokens.image).length).toBe(counts.patches / vision.mergeSize ** 2)
      const words = groups(one).flatMap(({ completions }) => completions.flatMap((completion) => [...completion.ids]))
      expect(words.length).toBe(counts.completion)
      expect(Math.max(...words)).toBeLessThan(text.vocabSize)
      expect(words.some((id) => [tokens.image, tokens.visionStart, ...tokens.end].includes(id))).toBe(false)
      expect(new Set(words).size).toBeGreaterThan(3)
      expect(advantages(one).map((group) => group.length)).toEqual(groups(one).map((group) => group.completions.length))
    },
  )

  it('fit into a buffer of 1 GiB, tensor by tensor', async () => {
    const { name, shape } = largestTensor((await model('1b')).policy)
    expect(name).toBe('model.embed_tokens.weight')
    expect(4 * sizeOf(shape)).toBeLessThan(GIB)
  })

  it('count six operations a parameter and token, eight with checkpointing', async () => {
    const one = await model('100m')
    const without = { ...one, plan: { ...one.plan, checkpointing: false } }
    const { prompt, completion, patches } = tokenCounts(one)
    // every decoder weight but the table meets every token; the table only those whose words are scored
    const sizes = Object.entries(weightShapes(one.policy)).filter(([, shape]) => shape.length > 1)
    const size = (of: (name: string) => boolean) =>
      sizes.filter(([name]) => of(name)).reduce((total, [, shape]) => total + sizeOf(shape), 0)
    const expected =
      size((name) => name.startsWith('model.layers.')) * (prompt + completion) +
      size((name) => name.startsWith('model.embed')) * completion +
      size((name) => name.startsWith('visual.merger.')) * (patches / 4) +
      size((name) => name.startsWith('visual.') && !name.startsWith('visual.merger.')) * patches
    expect(stepFlop(without)).toBe(6 * expected)
    expect(stepFlop({ ...one, plan: { ...one.plan, checkpointing: true } })).toBe(8 * expected)
  })
})

describe('random numbers that depend on seed, name and place', () => {
  it('golden: the same on every machine', () => {
    // by Python's integers: lowbias32 of FNV-1a of the name, XOR 0x9e3779b9, plus the place
    expect([...hashed('model.norm', 3)]).toEqual([0.22573430836200714, 0.8817923069000244, 0.07435903698205948])
    expect(hashed('model.norm', 1, 1, 2)[0]).not.toBe(0.22573430836200714)
  })

  it('are spread as a layer needs them', () => {
    const weight = seededWeight('model.layers.0.mlp.up_proj.weight', [200, 100])
    const mean = weight.reduce((a, b) => a + b) / weight.length
    const square = weight.reduce((a, b) => a + b * b, 0) / weight.length
    expect(Math.abs(mean)).toBeLessThan(0.002)
    expect(square).toBeCloseTo(1 / 300, 4)
    expect(Math.max(...weight)).toBeLessThan(0.1)
    expect([...seededWeight('a.bias', [2])]).toEqual([0, 0])
    expect([...seededWeight('a.norm.weight', [2])]).toEqual([1, 1])
  })
})

describe('the arrays that PyTorch reads', () => {
  it('hold the same batch: ids, positions of prompts, of completions and of what is drawn', async () => {
    const one = await model('demo', true)
    const arrays = Object.fromEntries(batchArrays(one).map((array) => [array.name, array]))
    const [prompt] = prompts(one)
    for (const { shape, data } of Object.values(arrays)) expect(data.length).toBe(sizeOf(shape))
    const shapes = Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, shape]))
    expect(shapes).toEqual({
      prompts: [1, 20],
      completions: [2, 4],
      promptPositions: [3, 1, 19],
      completionPositions: [3, 2, 4],
      samplePositions: [3, 1, 4],
      pixels: [1, 64, 147],
      advantages: [2],
    } satisfies Readonly<Record<string, Shape>>)
    const last = prompt!.positions[0].at(-1)!
    const next = prompt!.nextPosition
    expect(Array.from(arrays['samplePositions']!.data).slice(0, 4)).toEqual([last, next, next + 1, next + 2])
  })
})

describe('the kernels that are measured', () => {
  it.each([
    ['all sizes', false],
    ['tiny', true],
  ])('%s: no two alike, each with work, no operand above 1 GiB', (_, tiny) => {
    const cases = [...matmulCases(tiny), ...fusedCases(tiny)]
    const names = cases.map(({ name, size }) => `${name} ${size}`)
    if (!tiny) expect(new Set(names).size).toBe(names.length)
    for (const { inputs, bytes, flop, kernels, name } of cases) {
      expect(bytes, name).toBeGreaterThan(4 * Math.max(...inputs.map(sizeOf)) - 1)
      expect(flop, name).toBeGreaterThanOrEqual(0)
      expect(kernels.length, name).toBeGreaterThan(1)
      for (const shape of inputs) expect(4 * sizeOf(shape), name).toBeLessThanOrEqual(GIB)
    }
  })
})

/**
 * The memory of a training step by size of the model and method, as `durian train --dry_run` estimates it:
 *
 *   node packages/bench/large/memory_table.mjs        # writes docs/results/memory.json; then node scripts/readme.mjs
 *
 * No weights are needed: an estimate runs the policy's program on shapes, on TensorFlow with Durian's kernels. Needs packages/trainer/dist. The case that was measured by
 * one_step_3b.mjs is estimated too, so that the table can say how far the two are apart.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../../trainer/dist/config/readConfig.js'
import { decodePolicyConfig } from '../../trainer/dist/policy/config.js'
import { weightShapes } from '../../trainer/dist/policy/weights.js'
import { startingAdapter } from '../../trainer/dist/train/adapter.js'
import { memoryEstimate } from '../../trainer/dist/train/memoryEstimate.js'
import { qwen3b, qwen7b } from './qwen.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const json = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'))

const right = (either) => {
  if (either._tag === 'Left') throw new Error(JSON.stringify(either.left))
  return either.right
}
const value = async (effect) => right(await effect())

/** What TensorFlow with Durian's kernels fuses. */
const fused = ['rmsNorm', 'swiglu', 'headScores', 'linear', 'attention', 'rotary']

const models = [
  { name: 'demo', config: json('models/demo/config.json') },
  { name: 'Qwen2.5-VL-3B', config: qwen3b },
  { name: 'Qwen2.5-VL-7B', config: qwen7b },
]

const methods = [
  { method: 'full', settings: [] },
  { method: 'full, vision encoder frozen', settings: ['freeze_vision_tower=true'] },
  { method: 'LoRA r = 16', settings: ['lora.r=16'] },
  {
    method: 'LoRA r = 16, base streamed from bf16',
    settings: ['lora.r=16', 'base_weights=streamed', 'gradient_checkpointing=true'],
    streamed: true,
  },
]

/** A question of `words` tokens with a `side` x `side` picture; only shapes count. */
const promptOf = ({ vision, tokens }, { words, side }) => {
  const edge = side / vision.patchSize
  const merged = (edge / vision.mergeSize) ** 2
  const ids = Int32Array.from({ length: words + merged }, (_, i) => (i >= 4 && i < 4 + merged ? tokens.image : 0))
  const line = Int32Array.from(ids, (_, i) => i)
  const width = vision.channels * vision.temporalPatchSize * vision.patchSize ** 2
  const image = { pixels: new Float32Array(edge ** 2 * width), grid: [1, edge, edge] }
  return { id: 'a', text: '', ids, positions: [line, line, line], nextPosition: ids.length, images: [image] }
}

const estimateOf = async ({ config: modelConfig }, { settings, streamed = false }, { prompts, words, side, run }) => {
  const policy = right(decodePolicyConfig(modelConfig))
  const shapes = Object.values(weightShapes(policy))
  const parameters = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const estimated = async (more) => {
    const overrides = ['model_name_or_path=model', 'dataset=data.jsonl', 'output_dir=run', ...run, ...settings, ...more]
    const config = await value(readConfig({ overrides }))
    const adapter = await value(startingAdapter(config, policy, 'model'))
    const given = Array.from({ length: prompts }, () => promptOf(policy, { words, side }))
    return memoryEstimate(config, policy, given, { adapter, host: streamed ? 2 * parameters : 0, fused })
  }
  const gb = ({ peak, host }) => Math.round((peak + host) / 1e7) / 100
  const checkpointed = await estimated(['gradient_checkpointing=true'])
  return {
    parameters,
    checkpointed_gb: gb(checkpointed),
    plain_gb: streamed ? null : gb(await estimated(['gradient_checkpointing=false'])),
    ...(streamed ? { of_it_weights_in_bf16_gb: Math.round(checkpointed.host / 1e7) / 100 } : {}),
  }
}

const group = (completions, tokens) => [
  `num_generations=${completions}`,
  `generation_batch_size=${completions}`,
  `per_device_train_batch_size=${completions}`,
  `max_completion_length=${tokens}`,
]
const large = {
  what: '8 completions of 512 tokens, a prompt of 256 tokens and a 504 x 504 picture',
  prompts: 1,
  words: 256,
  side: 504,
  run: group(8, 512),
}
const demo = {
  what: "the preset demo's step: 32 prompts of 32 tokens and a 112 x 112 picture, 8 completions of 32 tokens each",
  prompts: 32,
  words: 32,
  side: 112,
  run: ['preset=demo'],
}
/** As one_step_3b.mjs measured it: smart_resize makes 252 x 252 of its picture. */
const measuredStep = { prompts: 1, words: 32, side: 252, run: group(2, 16) }

const table = []
for (const model of models) {
  const step = model.name.startsWith('Qwen') ? large : demo
  for (const { method, ...how } of methods) {
    table.push({ model: model.name, method, step: step.what, ...(await estimateOf(model, how, step)) })
    process.stderr.write(`${JSON.stringify(table.at(-1))}\n`)
  }
}

const measuredIn = 'packages/bench/results/2026-11-23-one-step-3b.json'
const measured = json(measuredIn)
const threeB = models.find(({ name }) => name.endsWith('3B'))
const settings = ['lora.r=16', 'base_weights=streamed', 'freeze_vision_tower=true']
const same = await estimateOf(threeB, { settings, streamed: true }, measuredStep)
const result = {
  what: 'memory of a training step in GB (1e9 bytes), device and host together, as memoryEstimate has it; float32 unless streamed',
  estimated: table,
  measured: {
    file: measuredIn,
    what: measured.what,
    measured_gb: measured.peak_resident_gb,
    estimated_gb: same.checkpointed_gb,
  },
}
writeFileSync(join(root, 'docs/results/memory.json'), `${JSON.stringify(result, null, 2)}\n`)

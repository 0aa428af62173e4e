/**
 * One training step of a policy of Qwen2.5-VL-3B's size with LoRA and streamed weights, by hand:
 *
 *   DURIAN_TENSORFLOW_DIR=… node packages/bench/large/one_step_3b.mjs FOLDER [RESULT.json] [--layers N]
 *
 * Makes a model folder of random bf16 weights in FOLDER (7.5 GB; kept and used again) with the tokenizer of the tiny fixture, one row with a
 * 256 x 256 picture, and runs `durian train` for one step of 2 completions of 16 tokens. Reports the largest resident memory of the process
 * (VmHWM) and the times of its parts. Needs packages/trainer/dist. --layers makes a smaller model of the same widths, to try the script.
 */
import { spawn } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import { decodePolicyConfig } from '../../trainer/dist/policy/config.js'
import { weightShapes } from '../../trainer/dist/policy/weights.js'
import { qwen3b, tiny } from './qwen.mjs'

const packages = join(dirname(fileURLToPath(import.meta.url)), '../..')
const args = process.argv.slice(2)
const at = args.indexOf('--layers')
const layers = at === -1 ? null : Number(args.splice(at, 2)[1])
const [folderArgument, resultFile] = args
if (folderArgument === undefined) throw new Error('usage: one_step_3b.mjs FOLDER [RESULT.json] [--layers N]')
const folder = resolve(folderArgument)
const model = join(folder, 'model')

const config = {
  ...qwen3b,
  ...(layers !== null && {
    num_hidden_layers: layers,
    vision_config: { ...qwen3b.vision_config, depth: layers },
  }),
}
const policy = decodePolicyConfig(config)
if (policy._tag === 'Left') throw new Error(JSON.stringify(policy.left))
const shapes = weightShapes(policy.right)

/** bf16 words of normal-like numbers of std 0.02 (the sum of two uniforms), norms 1, biases 0; xorshift32, one seed for the whole model. */
let state = 2463534242
const fill = (words, name, shape) => {
  if (shape.length === 1) return words.fill(name.endsWith('.bias') ? 0 : 0x3f80)
  const table = new Uint16Array(4096)
  const float = new Float32Array(1)
  const bits = new Uint32Array(float.buffer)
  for (let i = 0; i < table.length; i++) {
    const [a, b] = [i & 63, i >> 6]
    float[0] = ((a + b) / 63 - 1) * 0.02 * Math.sqrt(6)
    table[i] = bits[0] >>> 16
  }
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = table[state & 4095]
  }
  return words
}

const PIECE = 2 ** 24
const writeShard = (path, tensors) => {
  const header = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const [name, shape] of tensors) {
    const end = offset + 2 * shape.reduce((a, b) => a * b, 1)
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, end] }
    offset = end
  }
  const json = Buffer.from(JSON.stringify(header))
  const head = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, 0x20)
  head.writeBigUInt64LE(BigInt(head.length - 8), 0)
  json.copy(head, 8)
  const file = openSync(path, 'w')
  writeSync(file, head)
  for (const [name, shape] of tensors)
    for (let left = shape.reduce((a, b) => a * b, 1); left > 0; left -= PIECE)
      writeSync(file, new Uint8Array(fill(new Uint16Array(Math.min(PIECE, left)), name, shape).buffer))
  closeSync(file)
  return offset
}

const makeModel = () => {
  if (existsSync(model)) return
  const writing = `${model}.writing`
  rmSync(writing, { recursive: true, force: true })
  mkdirSync(writing, { recursive: true })
  for (const file of ['generation_config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(tiny, file), join(writing, file))
  writeFileSync(join(writing, 'config.json'), JSON.stringify(config, null, 1))
  const all = Object.entries(shapes)
  const [vision, text] = [true, false].map((isVision) =>
    all.filter(([name]) => name.startsWith('visual.') === isVision),
  )
  const half = Math.ceil(text.length / 2)
  const files = [vision, text.slice(0, half), text.slice(half)]
  const map = {}
  let total = 0
  files.forEach((tensors, i) => {
    const name = `model-0000${i + 1}-of-00003.safetensors`
    total += writeShard(join(writing, name), tensors)
    for (const [tensor] of tensors) map[tensor] = name
    process.stderr.write(`${name} written\n`)
  })
  writeFileSync(
    join(writing, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: { total_size: total }, weight_map: map }),
  )
  renameSync(writing, model)
}

/** An RGB picture of stripes as PNG; no CRC table is needed for a few chunks. */
const png = (size) => {
  const crc = (bytes) => {
    let c = ~0
    for (const byte of bytes) {
      c ^= byte
      for (let k = 0; k < 8; k++) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0)
    }
    return ~c >>> 0
  }
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length, 0)
    body.copy(out, 4)
    out.writeUInt32BE(crc(body), body.length + 4)
    return out
  }
  const rows = Buffer.alloc(size * (1 + 3 * size))
  for (let y = 0; y < size; y++)
    for (let x = 0; x < 3 * size; x++) rows[y * (1 + 3 * size) + 1 + x] = (x * 3 + y * 5) & 255
  const ihdr = Buffer.alloc(13)
  ihdr.writeUInt32BE(size, 0)
  ihdr.writeUInt32BE(size, 4)
  ihdr.set([8, 2, 0, 0, 0], 8)
  const parts = [chunk('IHDR', ihdr), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), ...parts])
}

mkdirSync(folder, { recursive: true })
makeModel()
writeFileSync(join(folder, 'picture.png'), png(256))
const row = { id: 'one', images: ['picture.png'], problem: '<image>How many stripes are there?', answer: '3' }
writeFileSync(join(folder, 'rows.jsonl'), `${JSON.stringify(row)}\n`)
writeFileSync(join(folder, 'reward.mjs'), `export default ({ length }) => length / 16\n`)
const run = join(folder, 'run')
rmSync(run, { recursive: true, force: true })
const settings = {
  model_name_or_path: model,
  dataset: join(folder, 'rows.jsonl'),
  output_dir: run,
  backend: 'tensorflow',
  base_weights: 'streamed',
  gradient_checkpointing: true,
  freeze_vision_tower: true,
  'lora.r': 16,
  // the raw reward: a random policy's completions would hardly differ in a reward that GRPO could compare
  estimator: 'none',
  reward_funcs: `[${join(folder, 'reward.mjs')}]`,
  reward_weights: '[1]',
  reward_timeout: 600,
  num_generations: 2,
  generation_batch_size: 2,
  per_device_train_batch_size: 2,
  max_completion_length: 16,
  max_steps: 1,
}
/** glibc gives large blocks back to the system at once, and each layer would be paid for page by page again. */
const malloc = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '100000000000', MALLOC_TOP_PAD_: '67108864' }
const started = performance.now()
const child = spawn(
  process.execPath,
  [
    join(packages, 'trainer/dist/cli/main.js'),
    'train',
    ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...malloc } },
)
/** kB of a line of /proc/PID/status. */
const memory = (name) => {
  try {
    return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
let peak = 0
const watch = setInterval(() => (peak = Math.max(peak, memory('VmHWM'))), 200)
const code = await new Promise((done) => child.on('exit', done))
clearInterval(watch)
const seconds = (performance.now() - started) / 1000
const metrics = existsSync(join(run, 'metrics.jsonl'))
  ? readFileSync(join(run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find(({ step }) => step === 1)
  : undefined
const pick = (pattern) => Object.fromEntries(Object.entries(metrics ?? {}).filter(([key]) => pattern.test(key)))
const result = {
  what: 'one step of policy gradient with LoRA r = 16 on all linears of the decoder, weights streamed from bf16: 2 completions of at most 16 tokens, one 256 x 256 picture',
  model: {
    parameters: Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
    layers: config.num_hidden_layers,
    weights: 'random bf16',
  },
  exit_code: code,
  peak_resident_gb: Math.round((peak * 1024) / 1e7) / 100,
  seconds_in_all: Math.round(seconds),
  ...pick(/^(timing_s\/|step_time|loss$|grad_norm|entropy$|completions\/mean_length|sampling\/)/),
  machine: {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
    load_average: readFileSync('/proc/loadavg', 'utf8').trim(),
    node: process.version,
  },
}
const text = `${JSON.stringify(result, null, 2)}\n`
process.stdout.write(text)
if (resultFile !== undefined && code === 0) writeFileSync(resultFile, text)
process.exitCode = code ?? 1

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadDataset, makeData, rlFamilies, sftFamilies } from '@durian/trainer'
import { either as E } from 'fp-ts'
import { environment } from './environment.ts'
import { backendNames } from './options.ts'
import { type LineProcess, openLineProcess } from './peers/lineProcess.ts'
import { peerPython } from './peers/peerPython.ts'
import { slug } from './report.ts'
import { saveReport } from './saveReport.ts'
import { spreadOf } from './stats.ts'
import { oneThread } from './suites/besideTorch.ts'

/**
 * `node dist/trlMain.js [--rounds 3] [--save]`: one GRPO step of the demo's policy, 32 prompts x 8 completions x 30 tokens with pictures of
 * 112 pixels, beside TRL's GRPOTrainer on the same shapes, one thread each, in turns.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, save: { type: 'boolean', default: false } },
})
/** 32 prompts x 8 completions x 30: a step that draws others is not the same work. */
const drawnTokens = 32 * 8 * 30
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const model = join(root, 'models', 'demo')
const worker = fileURLToPath(new URL('./suites/grpoStepWorker.js', import.meta.url))
const program = fileURLToPath(new URL('../peers/trl_grpo.py', import.meta.url))

/** The demo's prompts and pictures, for a peer in another language. */
const writeRows = async (folder: string): Promise<void> => {
  const rl = { noise: 0.45, clutter: 12, families: rlFamilies }
  const sft = { noise: 0.3, clutter: 8, families: sftFamilies }
  const options = { train: rl, validation: rl, test: rl, sft }
  const made = await makeData({
    directory: folder,
    seed: 3,
    rows: { train: 32, validation: 0, test: 0, sft: 0 },
    options,
  })()
  const data = E.isRight(made) ? await loadDataset(join(folder, 'train.parquet'))() : made
  if (E.isLeft(data)) throw new Error(JSON.stringify(data.left))
  const lines = data.right.rows.map(({ problem, images }, i) => {
    writeFileSync(join(folder, `${i}.png`), images[0]!)
    return JSON.stringify({ prompt: problem.replace('<image>', ''), image: `${i}.png` })
  })
  writeFileSync(join(folder, 'rows.jsonl'), lines.join('\n'))
}

const folder = mkdtempSync(join(tmpdir(), 'durian-trl-'))
const takers = new Map<string, LineProcess>()
const leftOut: Record<string, string> = {}
try {
  await writeRows(folder)
  const python = peerPython(say)
  if ('reason' in python) leftOut['trl'] = python.reason
  const candidates = [
    ...backendNames.map((name) => [name, process.execPath, [worker, name]] as const),
    ...('python' in python ? [['trl', python.python, [program, model, folder]] as const] : []),
  ]
  for (const [name, command, args] of candidates) {
    const opened = await openLineProcess(command, args, oneThread)
    if ('reason' in opened) leftOut[name] = opened.reason
    else takers.set(name, opened)
  }
  for (const [name, reason] of Object.entries(leftOut)) say(`${name} is left out: ${reason}`)
  const samples = new Map([...takers.keys()].map((name) => [name, { wall: [] as number[], processor: [] as number[] }]))
  let promptTokens: number | undefined
  for (let round = 0; round <= Number(values.rounds); round++)
    for (const [name, { ask }] of takers) {
      const answer = await ask({ do: 'step' })
      if (answer['tokens'] !== drawnTokens)
        throw new Error(`${name} drew ${String(answer['tokens'])} tokens in a step, not ${drawnTokens}`)
      promptTokens ??= Number(answer['prompt'])
      if (answer['prompt'] !== promptTokens)
        throw new Error(`${name} reads prompts of ${String(answer['prompt'])} tokens, the others ${promptTokens}`)
      if (round === 0) continue // warm-up
      samples.get(name)!.wall.push(Number(answer['ms']))
      samples.get(name)!.processor.push(Number(answer['cpu']))
    }
  const spreads = [...samples].map(([by, { wall, processor }]) => ({
    by,
    wall: spreadOf(wall),
    processor: spreadOf(processor),
  }))
  const trl = spreads.find(({ by }) => by === 'trl')
  /** Ours over TRL's, of the smallest times; below 1 we are faster. */
  const measured = spreads.map((ours) =>
    trl === undefined || ours === trl
      ? ours
      : { ...ours, ratio: { wall: ours.wall.min / trl.wall.min, processor: ours.processor.min / trl.processor.min } },
  )
  for (const { by, wall, processor, ...rest } of measured)
    process.stdout.write(
      `${by.padEnd(11)} min ${wall.min.toFixed(0).padStart(7)} ms, processor ${processor.min.toFixed(0).padStart(7)} ms a step` +
        `${'ratio' in rest ? `, ${rest.ratio.processor.toFixed(2)}x TRL's processor time` : ''}\n`,
    )
  if (values.save) {
    const report = {
      schema: 1,
      date: new Date().toISOString(),
      environment: environment(),
      work: 'one GRPO step of the demo policy, 32 prompts x 8 completions x 30 tokens, pictures of 112 pixels; random weights, rewards 0 and 1 in turns',
      descriptions: Object.fromEntries([...takers].map(([name, { description }]) => [name, description])),
      tokens: { prompts: promptTokens, completions: drawnTokens },
      leftOut,
      measured,
    }
    saveReport(`beside-trl-${slug(report.environment.cpu)}`, report)
  }
} finally {
  for (const taker of takers.values()) taker.close()
  rmSync(folder, { recursive: true })
}

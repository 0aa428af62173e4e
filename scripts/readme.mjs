import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './lib/process.mjs'

/**
 * The numbers of README.md and docs/lora.md, from the committed result files: `node scripts/readme.mjs` writes the blocks
 * between `<!-- result: … -->` marks anew, `--check` fails when they differ. Nothing between the marks is typed by hand.
 */

const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'))
const percent = (share) => `${(100 * share).toFixed(1)} %`
const points = (share) => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`
const interval = ([low, high], show) => `[${show(low)}, ${show(high)}]`
const rate = ({ accuracy, interval: range }) => `${percent(accuracy)} ${interval(range, percent)}`
const difference = ({ mean, interval: range }) => `${points(mean)} ${interval(range, points)}`
const minutes = (seconds) => `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`

const DEMO = 'docs/results/demo.json'
const STUDY = 'docs/results/estimators.json'
const MEMORY = 'docs/results/memory.json'
const COLD_START = 'models/demo/cold_start.json'
const TORCH = 'packages/bench/results/2026-11-23-beside-torch-amd-epyc.json'
const TRL = 'packages/bench/results/2026-11-23-beside-trl-amd-epyc.json'

/** Before, after, and the reference line of the cold start that still thinks. */
const demo = () => {
  const [run] = read(DEMO).runs
  const { thinkingOnly } = read(COLD_START)
  const { rows, before, after, difference: gain } = run.splits.test
  return [
    `| greedy accuracy on ${rows} untouched test questions | [95 % interval] |`,
    '|---|---|',
    `| before: the shipped cold start, which answers without thinking | ${rate(before)} |`,
    `| after ${run.steps} steps of Durian | ${rate(after)} |`,
    `| difference, paired by question, in points | ${difference(gain)} |`,
    `| for reference: the same cold start before it was taught short answers | ${rate(thinkingOnly)} |`,
    '',
    `Training took ${minutes(run.training_seconds)} on ${run.environment.cpu} with ${run.environment.backend} (Node ${run.environment.node}); ` +
      `numbers from [${DEMO}](${DEMO}).`,
  ].join('\n')
}

/** Estimators over seeds on the same data and cold start: mean and range of the final accuracy. */
const study = () => {
  const runs = read(STUDY).runs
  const names = [...new Set(runs.map(({ estimator }) => estimator))]
  const rows = names.map((name) => {
    const accuracies = runs
      .filter(({ estimator }) => estimator === name)
      .map(({ splits }) => splits.test.after.accuracy)
    const mean = accuracies.reduce((total, value) => total + value, 0) / accuracies.length
    return `| \`${name}\` | ${percent(mean)} | ${accuracies.map(percent).join(', ')} |`
  })
  const { rows: questions } = runs[0].splits.test
  return [
    `| estimator | mean over seeds | each seed (${questions} test questions, greedy) |`,
    '|---|---|---|',
    ...rows,
    '',
    `Numbers from [${STUDY}](${STUDY}).`,
  ].join('\n')
}

/** Memory by model and method, and how far the estimate is from what was measured; links are those of a file in docs/. */
const memory = () => {
  const { estimated, measured } = read(MEMORY)
  const gigabytes = (gb) => (gb === null ? '–' : gb < 10 ? gb.toFixed(2) : gb.toFixed(0))
  const size = (parameters) =>
    parameters < 1e9 ? parameters.toLocaleString('en') : `${(parameters / 1e9).toFixed(1)} B`
  const steps = [...new Set(estimated.map(({ step }) => step))]
  const rows = estimated.map(
    ({ model, method, parameters, step, checkpointed_gb: checkpointed, plain_gb: plain }) =>
      `| ${model} (${size(parameters)}) | ${method} | ${steps.indexOf(step) + 1} | ` +
      `${gigabytes(checkpointed)} | ${gigabytes(plain)} | estimated |`,
  )
  const ratio = measured.estimated_gb / measured.measured_gb
  return [
    '| model (parameters) | method | step | GB with `gradient_checkpointing` | GB without | |',
    '|---|---|---|---|---|---|',
    ...rows,
    `| 3B sizes, random weights | LoRA r = 16, base streamed from bf16 | 3 | ${measured.measured_gb} | – | measured |`,
    '',
    ...steps.map((step, i) => `Step ${i + 1}: ${step}.`),
    `Step ${steps.length + 1}: ${measured.what.replace(/^.*: /, '')}; the estimate of it is ${measured.estimated_gb} GB, ` +
      `${ratio.toFixed(2)} of the [measured](../${measured.file}) peak of the whole process.`,
    `Numbers from [${MEMORY}](${MEMORY.replace('docs/', '')}), made by [memory_table.mjs](../packages/bench/large/memory_table.mjs).`,
  ].join('\n')
}

/** Wall and processor time over the peer's, smallest of the rounds, by engine. */
const speed = () => {
  const torch = read(TORCH)
  const trl = read(TRL)
  const engines = ['tensorflow', 'wasm']
  const ratios = (measured) =>
    engines
      .map((engine) => measured.find(({ by }) => by === engine).ratio)
      .map(({ wall, processor }) => `${wall.toFixed(2)}x (${processor.toFixed(2)}x)`)
      .join(' | ')
  return [
    '| wall time (processor time) over that of the peer, one thread | TensorFlow | WASM |',
    '|---|---|---|',
    ...torch.comparisons.map(
      ({ model, work, measured }) => `| PyTorch: ${model.split(':')[0]}, ${work} | ${ratios(measured)} |`,
    ),
    `| TRL: ${trl.work.split(';')[0]} | ${ratios(trl.measured)} |`,
    '',
    `${torch.descriptions.torch.split(',')[0]}, load ${torch.environment.load} ([file](${TORCH})); ` +
      `${trl.descriptions.trl.split(', 1 thread')[0]}, load ${trl.environment.load} ([file](${TRL})). ` +
      'TRL runs a prompt once a completion, we once for all: [docs/performance.md](docs/performance.md).',
  ].join('\n')
}

const blocks = { demo, estimators: study, memory, speed }

/** The text with every block made anew; throws when a mark has no maker. */
export const withResults = (text) =>
  text.replace(/(<!-- result: (\w+) -->)[\s\S]*?(<!-- end -->)/g, (_, open, name, close) => {
    const make = blocks[name]
    if (make === undefined)
      throw new Error(`there is a mark for the result '${name}', which scripts/readme.mjs does not know`)
    return `${open}\n${make()}\n${close}`
  })

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const name of ['README.md', 'docs/lora.md']) {
    const file = join(root, name)
    const text = readFileSync(file, 'utf8')
    const made = withResults(text)
    if (!process.argv.includes('--check')) writeFileSync(file, made)
    else if (made !== text) {
      console.error(`${name} does not show the committed results; run node scripts/readme.mjs.`)
      process.exitCode = 1
    }
  }

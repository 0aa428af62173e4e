import { parseArgs } from 'node:util'
import { openNodeBackend } from '@durian/backend-node'
import { type Backend, residentWeights, sumAll } from '@durian/core'
import { completionBatch, scoreCompletions, sentence } from '@durian/trainer'
import { either as E } from 'fp-ts'
import type { BackendName } from './options.ts'
import { models, policyConfig, promptOf, type TextModel, textWeights, tokensOf } from './suites/besideTorchModels.ts'

/**
 * `node dist/paddingMain.js [BACKEND] [--rounds 5]`: forward and backward pass of completions whose lengths spread evenly up to the longest, over the same
 * with every completion as long as that, one thread, in turns. Without padding in the layers the ratio is near the share of real tokens.
 */
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '5' } },
  allowPositionals: true,
})
const ROLLOUTS = 8
const [d128, demo] = models as readonly [TextModel, TextModel]
const wide: TextModel = {
  ...d128,
  name: 'd512: 4 layers, ff 1536, vocabulary 64',
  text: { ...d128.text, hiddenSize: 512, intermediateSize: 1536, heads: 8, headDim: 64, mropeSection: [16, 8, 8] },
}

/** The tokens of a model's batch, [P][G][length], each row as long as `lengthOf` says. */
const batchOf = (model: TextModel, lengthOf: (row: number) => number) => {
  const tokens = tokensOf(model)
  const prompts = Array.from({ length: model.sequences / ROLLOUTS }, (_, p) => promptOf(model, tokens, p))
  const completions = prompts.map((_, p) =>
    Array.from({ length: ROLLOUTS }, (_, g) => {
      const start = (p * ROLLOUTS + g) * (model.length + 2) + 2
      return tokens.subarray(start, start + lengthOf(p * ROLLOUTS + g))
    }),
  )
  return completionBatch(policyConfig(model))(prompts, completions)
}

const measure = async <T>({ ops, memory, gradients, transfer }: Backend<T>, model: TextModel): Promise<string> => {
  const params = Object.fromEntries(Object.entries(textWeights(model)).map(([name, x]) => [name, ops.fromHost(x)]))
  const spread = batchOf(model, (row) => (row === 0 ? model.length : 1 + ((row * 37) % model.length)))
  const full = batchOf(model, () => model.length)
  const pass = async (batch: typeof full): Promise<number> => {
    const start = performance.now()
    const made = memory.scope(() =>
      gradients.valueAndGrad((moving: typeof params) => {
        const { logprob } = scoreCompletions(ops, policyConfig(model))(residentWeights(moving), batch, {
          temperature: 1,
        })
        return { value: sumAll(ops, logprob), aux: null }
      })(params),
    )
    const read = await transfer.read(made.value)()
    if (E.isLeft(read)) throw new Error(sentence(read.left))
    memory.free(made)
    return performance.now() - start
  }
  const least = [Infinity, Infinity]
  for (let round = 0; round <= Number(values.rounds); round++)
    for (const [i, batch] of [spread, full].entries()) {
      const ms = await pass(batch)
      if (round > 0) least[i] = Math.min(least[i]!, ms)
    }
  memory.free(params)
  const share = spread.inputs.length / full.inputs.length
  return `${model.name}: ${(least[0]! / least[1]!).toFixed(2)} of ${least[1]!.toFixed(0)} ms with ${share.toFixed(2)} of the rows`
}

const name = positionals[0] ?? 'wasm'
const opened = await openNodeBackend({ prefer: name as BackendName, threads: 1 })()
if (E.isLeft(opened)) {
  process.stderr.write(`${sentence(opened.left)}\n`)
  process.exitCode = 2
} else for (const model of [demo, d128, wide]) console.log(`${name}, ${await measure(opened.right.backend, model)}`)

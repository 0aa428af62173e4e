import { spreadOf } from '../stats.ts'
import type { Command } from './command.ts'
import { inTurns } from './deadline.ts'
import { openPolicy } from './policyRun.ts'
import { programLines, programTotals } from './programs.ts'

/** Tokens of the sampling that is looked into program by program. */
const PROFILED_TOKENS = 4

/** Sampling of a model at several batches, ours and PyTorch's in turns: reading the prompts with one token, then a whole completion. */
export const sample: Command = async (run) => {
  const { options, opened, deadline, result, say } = run
  const { model, subject, peers, close } = await openPolicy(run, false)
  const { rollouts, length, sampled } = model.plan
  try {
    for (const prompts of sampled) {
      const ours = async (tokens: number): Promise<number> => {
        const began = performance.now()
        await subject.sample(prompts, tokens)
        return performance.now() - began
      }
      const takers = [
        { by: 'durian', once: ours },
        ...peers.map((peer) => ({
          by: peer.precision,
          once: async (tokens: number) => (await peer.sample(prompts, tokens)).ms,
        })),
      ]
      const samples = await inTurns(
        takers.flatMap(({ once }) => [() => once(1), () => once(length)]),
        { rounds: options.rounds, deadline },
      )
      const batch = prompts * rollouts
      say(`  ${batch} rollouts of ${prompts} prompts, ${length} tokens each`)
      for (const [i, { by }] of takers.entries()) {
        const [first, all] = [samples[2 * i]!, samples[2 * i + 1]!].map(spreadOf)
        const msPerToken = (all!.median - first!.median) / (length - 1)
        const tokensPerSecond = (1000 * batch * length) / all!.median
        result.push('results', {
          by,
          prompts,
          batch,
          length,
          firstMs: first,
          allMs: all,
          msPerToken,
          tokensPerSecond,
          samples: samples[2 * i]!.length,
        })
        say(
          `  ${by.padEnd(9)} prompts and first token ${first!.median.toFixed(1)} ms, ${msPerToken.toFixed(2)} ms a token behind it, ${tokensPerSecond.toFixed(0)} tokens/s in all`,
        )
      }
    }
    const [prompts = 1] = sampled
    const counted = async (tokens: number): Promise<number> => {
      const before = opened.kernels.dispatches()
      await subject.sample(prompts, tokens)
      return opened.kernels.dispatches() - before
    }
    const [one, several] = [await counted(1), await counted(PROFILED_TOKENS)]
    result.set('dispatches', { first: one, perToken: (several - one) / (PROFILED_TOKENS - 1) })
    const programs = await programTotals(opened, () => subject.sample(prompts, PROFILED_TOKENS))
    result.set('programs', { tokens: PROFILED_TOKENS, prompts, ...programs })
    if (programs !== null) programLines(programs).forEach(say)
    return true
  } finally {
    close()
  }
}

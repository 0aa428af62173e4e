import { spreadOf } from '../stats.ts'
import type { Command } from './command.ts'
import { inTurns } from './deadline.ts'
import { measureLimits } from './limits.ts'
import { stepFlop, tokenCounts } from './models.ts'
import { openPolicy } from './policyRun.ts'
import { programLines, programTotals } from './programs.ts'

/** A training step of a model: ours and PyTorch's in turns, then where the device's time goes. */
export const step: Command = async (run) => {
  const { options, opened, deadline, result, say } = run
  const limits = await measureLimits(opened.device, opened.facts.software)
  result.set('limits', limits)
  const { model, subject, peers, close } = await openPolicy(run, true)
  try {
    const ours = async (): Promise<number> => {
      const began = performance.now()
      await subject.step()
      return performance.now() - began
    }
    const workers = [
      { by: 'durian', once: ours },
      ...peers.map((peer) => ({ by: peer.precision, once: async () => (await peer.step()).ms })),
    ]
    const samples = await inTurns(
      workers.map(({ once }) => once),
      { rounds: options.rounds, deadline },
    )
    const { completion } = tokenCounts(model)
    const flop = stepFlop(model)
    for (const [i, { by }] of workers.entries()) {
      const ms = spreadOf(samples[i]!)
      const rates = { tokensPerSecond: (1000 * completion) / ms.median, gflops: flop / ms.median / 1e6 }
      const ofArithmetic = rates.gflops / limits.fmaGFLOPs
      result.push('results', { by, ms, samples: samples[i]!.length, flop, ...rates, ofArithmetic })
      say(
        `  ${by.padEnd(9)} median ${ms.median.toFixed(1)} ms (min ${ms.min.toFixed(1)}, ${samples[i]!.length} rounds), ` +
          `${rates.tokensPerSecond.toFixed(0)} tokens/s, ${rates.gflops.toFixed(0)} GFLOP/s of products, ${(100 * ofArithmetic).toFixed(1)} % of the multiply-adds`,
      )
    }
    const peakBytes = await opened.kernels.peakBytes(() => subject.step())
    result.set('peakBytes', peakBytes)
    say(`  buffers of ${(peakBytes / 2 ** 20).toFixed(0)} MiB at the most`)
    const before = opened.kernels.dispatches()
    const programs = await programTotals(opened, () => subject.step())
    result.set('dispatches', opened.kernels.dispatches() - before)
    result.set('programs', programs)
    if (programs !== null) programLines(programs).forEach(say)
    return true
  } finally {
    close()
  }
}

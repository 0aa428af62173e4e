import type { TrainConfig } from '../config/trainConfig.ts'
import type { TrainHooks } from '../train/hooks.ts'
import { type Progress, startProgress } from './progress.ts'

const fixed = (value: number | undefined, digits = 3): string => (value === undefined ? '-' : value.toFixed(digits))

/** Shows a run on stderr: a bar with the time left on a terminal, plain lines elsewhere. */
export const trainHooks = (config: TrainConfig, interrupted: () => boolean, stepsBefore: number): TrainHooks => {
  let steps: Progress | null = null
  /** The bar of what happens outside the steps: one kind of work at a time. */
  let other: { readonly kind: string; readonly progress: Progress } | null = null
  const close = (): void => {
    other?.progress.stop()
    other = null
  }
  const barOf = (kind: string, total: number): Progress => {
    if (other?.kind !== kind) {
      close()
      other = { kind, progress: startProgress({ label: kind, total }) }
    }
    return other.progress
  }
  const say = (line: string): void => {
    if (steps !== null) steps.line(line)
    else process.stderr.write(`${line}\n`)
  }
  return {
    clock: () => performance.now(),
    interrupted,
    onNote: say,
    onColdStart: ({ stage, step, loss, sampled_accuracy }) => {
      const total = (config.sft?.max_steps ?? 0) + (config.sft?.habit_steps ?? 0)
      const progress = barOf('cold-start steps at most', total)
      progress.update(step, `${stage} loss ${fixed(loss)}`)
      if (sampled_accuracy !== undefined)
        progress.line(`Cold start step ${step}: sampled accuracy ${fixed(sampled_accuracy)}`)
    },
    onEvaluationProgress: (split, done, total) => {
      if (steps !== null) return
      barOf(`${split} prompts`, total).update(done)
      if (done >= total) close()
    },
    onEvaluation: ({ step, split, accuracy, interval, count }) => {
      if (step >= config.max_steps && split === 'test') steps?.stop()
      say(
        `Step ${step}: ${split === 'validation' && config.eval_temperature > 0 ? 'sampled' : 'greedy'} ${split} accuracy ${fixed(accuracy)} [${fixed(interval[0])}, ${fixed(interval[1])}] on ${count} prompts`,
      )
    },
    onStep: (metrics) => {
      close()
      steps ??= startProgress({ label: 'steps', total: config.max_steps, done: stepsBefore, everyMs: 0 })
      const { step } = metrics
      const detail = [
        `reward ${fixed(metrics['reward'])}`,
        `accuracy ${fixed(metrics['rewards/accuracy_reward/mean'])}`,
        `length ${fixed(metrics['completions/mean_length'], 1)}`,
        `no-gradient groups ${fixed(metrics['frac_reward_zero_std'], 2)}`,
        `grad norm ${fixed(metrics['grad_norm'], 2)}`,
      ].join(', ')
      if (process.stderr.isTTY || step % config.logging_steps === 0 || step === config.max_steps)
        steps.update(step, detail)
      if (step >= config.max_steps) {
        steps.stop()
        steps = null
      }
    },
  }
}

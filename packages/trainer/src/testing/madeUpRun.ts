import { durianAdvantages, durianDefaults, groupKinds, groupSummary, mean, std, uniforms } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { TrainConfig } from '../config/trainConfig.ts'
import { pngOf } from '../data/synthetic/png.ts'
import { syntheticSample } from '../data/synthetic/sample.ts'
import { sentence, type TrainError } from '../errors.ts'
import { bootstrapInterval } from '../run/intervals.ts'
import type { CompletionRecord, Evaluation } from '../run/records.ts'
import { openRunFolder } from '../run/runFolder.ts'

/** Runs an effect in a test or throws its sentence. */
export const must = async <A>(effect: TE.TaskEither<TrainError, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error(sentence(result.left))
  return result.right
}

export interface MadeUpRun {
  readonly path: string
  readonly steps: number
  readonly prompts: number
  readonly seed: number
  readonly estimator?: TrainConfig['estimator']
  /** Rows of each evaluation. */
  readonly rows?: number
}

const clamp = (x: number): number => Math.min(0.97, Math.max(0.02, x))

/**
 * A run folder in the format of a real one whose learner is a curve and coin flips: real pictures and questions, but no policy. For tests of
 * what reads run folders.
 */
export const writeMadeUpRun = async (options: MadeUpRun): Promise<void> => {
  const { path, steps, prompts, seed, estimator = 'durian', rows = 256 } = options
  const G = 8
  const decoded = TrainConfig.decode({
    model_name_or_path: 'models/made-up',
    dataset: 'data/train.parquet',
    output_dir: path,
    seed,
    estimator,
    num_generations: G,
    generation_batch_size: prompts * G,
    per_device_train_batch_size: prompts * G,
    max_steps: steps,
    learning_rate: 1e-4,
  })
  if (E.isLeft(decoded)) throw new Error('the configuration does not decode')
  const config = decoded.right
  const run = await must(openRunFolder({ path, config, backend: 'made up', resumeAt: null, whenUsed: 'restart' }))
  const skill = (step: number): number => 0.24 + 0.3 * (1 - Math.exp(-step / (steps / 3)))

  const evaluate = (step: number, split: string): Evaluation => {
    const chance = uniforms({ seed, index: split === 'test' ? 7 : 8 }, rows)
    const correct = Array.from(chance, (u) => (u < skill(step) + 0.12 ? 1 : 0))
    const families = ['angle', 'bars', 'count', 'sides']
    return {
      step,
      split,
      count: rows,
      ...((estimate) => ({ accuracy: estimate.mean, interval: estimate.interval }))(
        bootstrapInterval(correct, { seed, resamples: 400 }),
      ),
      format: 0.94 + 0.05 * (step / steps),
      mean_length: 13 + (6 * step) / steps,
      correct,
      by: Object.fromEntries(
        families.map((family, f) => {
          const part = correct.filter((_, i) => i % 4 === f)
          return [family, { count: part.length, accuracy: clamp(mean(part) + 0.1 * (f - 1.5)) }]
        }),
      ),
    }
  }

  for (const split of ['test', 'validation']) await must(run.logEvaluation(evaluate(0, split)))
  for (let step = 1; step <= steps; step++) {
    const draws = uniforms({ seed, index: 100 + step }, prompts * (G + 4))
    const records: Array<CompletionRecord> = []
    for (let p = 0; p < prompts; p++) {
      const draw = (i: number): number => draws[p * (G + 4) + i]!
      const sample = syntheticSample(
        { seed, stream: 0, row: (step - 1) * prompts + p },
        { noise: 0.45, clutter: 12, families: { bars: 1, count: 1, sides: 1, angle: 1 } },
      )
      const ability = clamp(skill(step) + 1.1 * (draw(G) - 0.5) - 0.4 * (sample.noise - 0.2))
      const texts = Array.from({ length: G }, (_, i) => {
        const right = draw(i) < ability
        return {
          right,
          text: right ? sample.solution : sample.direct.replace(/\d+\}$/, `${Math.floor(draw(i) * 40)}}`),
        }
      })
      records.push({
        step,
        prompt_id: `train.parquet#${(step - 1) * prompts + p}`,
        problem: sample.problem,
        answer: sample.answer,
        images: [await must(run.saveImage(await pngOf(sample)))],
        extra: { family: sample.family, steps: sample.steps, noise: sample.noise },
        visual_entropy: 1.5 + 1.4 * sample.noise + 0.5 * draw(G + 1),
        confidence: -9 + 7 * ability + draw(G + 2),
        perceptual_bucket: null,
        reasoning_bucket: null,
        completions: texts.map(({ right, text }, i) => {
          const format = draw(i) > 0.98 ? 0 : 1
          return {
            text,
            reward: 0.9 * Number(right) + 0.1 * format,
            rewards: { accuracy_reward: Number(right), boxed_format_reward: format },
            length: 6 + Math.round(text.length / 3),
            terminated: draw(i) < 0.995,
            logprob: -9 + 7 * ability,
            advantage: 0,
          }
        }),
      })
    }
    const samples = records.map(({ completions, visual_entropy, confidence }) => ({
      rewards: completions.map(({ reward }) => reward),
      entropy: visual_entropy,
      confidence,
    }))
    const rewards = samples.map((sample) => sample.rewards)
    const right = records.map((record) => record.completions.map((one) => one.rewards['accuracy_reward'] === 1))
    const durian = durianAdvantages(samples, durianDefaults)
    const summary = groupSummary({ rewards, right, advantages: durian.advantages })
    const all = rewards.flat().filter((reward) => reward !== null)
    const metrics: Record<string, number> = {
      loss: 0.002 * (draws[0]! - 0.5),
      grad_norm: 0.5 + 0.4 * draws[1]!,
      reward: mean(all),
      reward_std: mean(rewards.map((group) => std(group as ReadonlyArray<number>, { ddof: 1 }))),
      'rewards/accuracy_reward/mean': mean(right.flat().map(Number)),
      frac_reward_zero_std: summary.zeroVariance,
      entropy: 0.29 - (0.14 * step) / steps + 0.02 * draws[2]!,
      'completions/mean_length': 13 + (6 * step) / steps + draws[3]!,
      'completions/clipped_ratio': 0.01 * draws[4]!,
      'sampling/sampling_logp_difference/max': 1e-6 * (1 + draws[5]!),
      step_time: 3.4 + draws[6]!,
      'timing_s/gen': 1.3,
      'timing_s/update_actor': 1.8,
      'timing_s/entropy': 0.2,
    }
    for (const kind of groupKinds) metrics[`durian/groups/${kind}`] = summary.counts[kind] / summary.groups
    const placed = { perceptual: 3, reasoning: durianDefaults.reasoningGroups } as const
    for (const name of ['perceptual', 'reasoning'] as const) {
      for (let bucket = 0; bucket < placed[name]; bucket++) {
        const members = durian[name].buckets.flatMap((of, s) => (of === bucket ? [s] : []))
        metrics[`durian/${name}/bucket_${bucket}/count`] = members.length
        if (members.length === 0) continue
        metrics[`durian/${name}/bucket_${bucket}/std`] = durian[name].stds[members[0]!]!
        metrics[`durian/${name}/bucket_${bucket}/accuracy`] = mean(members.flatMap((s) => right[s]!.map(Number)))
      }
    }
    await must(
      run.logCompletions(
        records.map((record, s) => ({
          ...record,
          perceptual_bucket: durian.perceptual.buckets[s]!,
          reasoning_bucket: durian.reasoning.buckets[s]!,
          completions: record.completions.map((one, i) => ({ ...one, advantage: durian.advantages[s]![i]! })),
        })),
      ),
    )
    await must(run.logMetrics({ step, ...metrics }))
    if (step % Math.ceil(steps / 6) === 0 || step === steps) await must(run.logEvaluation(evaluate(step, 'validation')))
  }
  await must(run.logEvaluation(evaluate(steps, 'test')))
  await must(run.close())
}

import { learningRateSchedule, type Schedule } from '@durian/core'
import { batchArithmetic, type TrainConfig } from '../config/trainConfig.ts'

/**
 * The configured schedule. transformers' warm-up begins at rate 0, which would waste the first rollout batch: here update n of a warm-up
 * of w learns at n/w of the rate.
 */
export const scheduleOf = (config: TrainConfig): Schedule => {
  const { learning_rate: learningRate, warmup_steps: warmupSteps } = config
  const totalSteps = batchArithmetic(config).optimiserSteps
  const schedule = learningRateSchedule({ kind: config.lr_scheduler_type, learningRate, warmupSteps, totalSteps })
  return (step) => (step < warmupSteps ? (learningRate * (step + 1)) / warmupSteps : schedule(step))
}

/** Learning rate of each step, counted from 0. */
export type Schedule = (step: number) => number

export interface ScheduleOptions {
  readonly kind: 'constant' | 'linear' | 'cosine'
  /** The highest rate. */
  readonly learningRate: number
  /** Steps over which the rate climbs from 0; 0 for none. */
  readonly warmupSteps: number
  /** Steps of the whole run: where linear and cosine reach 0. */
  readonly totalSteps: number
}

/**
 * Learning rate as a function of the step, the numbers of Hugging Face `transformers` optimization.py (get_linear_schedule_with_warmup and its siblings):
 *
 *   s < warmup        lr * s / warmup
 *   constant          lr
 *   linear            lr * (total - s) / (total - warmup)
 *   cosine            lr * (1 + cos(pi (s - warmup) / (total - warmup))) / 2
 *
 * @returns a rate in [0, learningRate]; 0 past the end for linear and cosine. With a warm-up the very first rate is 0.
 */
export const learningRateSchedule = ({ kind, learningRate, warmupSteps, totalSteps }: ScheduleOptions): Schedule => {
  const decayed = (progress: number): number => {
    switch (kind) {
      case 'constant':
        return 1
      case 'linear':
        return 1 - progress
      case 'cosine':
        return (1 + Math.cos(Math.PI * progress)) / 2
    }
  }
  return (step) => {
    if (step < warmupSteps) return (learningRate * step) / warmupSteps
    const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)
    return learningRate * decayed(Math.min(1, progress))
  }
}

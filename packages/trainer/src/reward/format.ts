import { lastBoxed } from './boxed.ts'

const opening = '<think>'
const closing = '</think>'

const occurrences = (text: string, mark: string): number => text.split(mark).length - 1

/**
 * The response is one `<think>…</think>` followed by text with a closed `\boxed{…}`; space around it does not matter (paper, eq. 23).
 * The end token must be gone from the text.
 */
export const hasBoxedFormat = (response: string): boolean => {
  const text = response.trim()
  if (!text.startsWith(opening) || occurrences(text, opening) !== 1 || occurrences(text, closing) !== 1) return false
  return lastBoxed(text.slice(text.indexOf(closing) + closing.length)) !== null
}

/**
 * TRL's `think_format_reward`: the response begins with `<think>`, has no second one, and has a `</think>`
 * (trl@f2cd577 trl/rewards/format_rewards.py).
 */
export const hasThinkFormat = (response: string): boolean =>
  response.startsWith(opening) && occurrences(response, opening) === 1 && response.includes(closing)

/** EasyR1 takes out space around `<`, `>` and `/` before it looks at a response (easyr1@b44b311 examples/reward_function/math.py). */
export const easyR1Cleaned = (response: string): string =>
  response.replace(/\s+/g, (run: string, at: number) => {
    const beside = `${response[at - 1] ?? ''}${response[at + run.length] ?? ''}`
    return /[<>/]/.test(beside) ? '' : run
  })

/**
 * EasyR1's format on a cleaned response: `<think>`, then `</think>`, then `\boxed{`, then `}`, in this order
 * (its full match of `<think>.*</think>.*\\boxed\{.*\}.*`).
 */
export const hasEasyR1Format = (cleaned: string): boolean => {
  if (!cleaned.startsWith(opening)) return false
  const close = cleaned.indexOf(closing, opening.length)
  const box = close < 0 ? -1 : cleaned.indexOf('\\boxed{', close + closing.length)
  return box >= 0 && cleaned.includes('}', box)
}
